import fc from 'fast-check';
import type { CallAddress } from '../../src/core/dialect.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { dialects } from '../../src/dialects/index.ts';
import { anyChat } from '../../src/dialects/laws/arbitraries.ts';
import { isAddressed, sent } from '../../src/dialects/laws/trial-call.ts';

/** A call that others are made of. */
export interface Base {
  readonly dialect: string;
  readonly body: JsonObject;
  readonly address?: CallAddress;
}

/** Calls of any shape in every dialect, always the same. */
export function bases(each: number): readonly Base[] {
  const chats = fc.sample(anyChat, { numRuns: each, seed: 20_261_121 });
  return dialects.flatMap((dialect) =>
    chats.map((chat) => {
      const said = { ...chat, model: 'm', stream: false };
      const body = sent(dialect.writeCall(said, {}).body);
      const stored = dialect.id === 'openai-responses' ? { ...body, store: false } : body;
      return { dialect: dialect.id, body: stored, ...(isAddressed(dialect) ? { address: { model: 'm', stream: false } } : {}) };
    }),
  );
}
