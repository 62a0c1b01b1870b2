import type { Dialect } from '../../src/core/dialect.ts';
import { dialects } from '../../src/dialects/index.ts';
import { callCases } from './calls.ts';
import { type Cell, callCell, replyCell } from './matrix.ts';
import { replyCases } from './replies.ts';

/** Every dialect is spoken by clients and by providers. */
export const clients: readonly Dialect[] = dialects;
export const upstreams: readonly Dialect[] = dialects;

export interface Row {
  readonly name: string;
  cell(client: Dialect, provider: Dialect): Cell;
}

export const rows: readonly Row[] = [
  ...callCases.map((each): Row => ({ name: `asked: ${each.name}`, cell: (client, provider) => callCell(each, client, provider) })),
  ...replyCases.flatMap((each): readonly Row[] =>
    [true, false].map((streamed) => ({
      name: `${streamed ? 'streamed' : 'answered'}: ${each.name}`,
      cell: (client, provider) => replyCell(each, provider, client, streamed),
    })),
  ),
];
