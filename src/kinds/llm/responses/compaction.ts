import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { asString } from '../../../core/json.ts';
import type { Item } from './items.ts';

/** How the sealed content of a compaction that was made here begins. */
const MARK = 'weir.compaction.1.';

export const holdsOwnCompaction = (body: string): boolean => body.includes(MARK);

/** A summary as the caller carries it: readable by this app's calls alone. Throws `state_off`. */
export async function sealedCompaction(summary: string, { ports, who }: Exchange): Promise<string> {
  if (ports.continuity === undefined) throw cannotSeal();
  return MARK + (await ports.continuity.seal(who.principal, summary));
}

/** The items with every compaction that was made here as the text it stands for. Those of vendors stay as they are. */
export function openedCompactions(items: readonly Item[], exchange: Exchange): Promise<readonly Item[]> {
  return Promise.all(
    items.map(async (item, at) => {
      const content = item.type === 'compaction' ? asString(item.encrypted_content) : undefined;
      return content?.startsWith(MARK) ? opened(content.slice(MARK.length), at, exchange) : item;
    }),
  );
}

async function opened(sealed: string, at: number, { ports, who }: Exchange): Promise<Item> {
  if (ports.continuity === undefined) throw cannotSeal();
  const summary = await ports.continuity.open(who.principal, sealed);
  if (summary === undefined) {
    throw new GatewayError('invalid_request', `input[${at}] is not a compaction that was made with a key of this app.`, {
      param: `input[${at}]`,
    });
  }
  const text = `The conversation before this was made shorter. This is what stands for it:\n\n${summary}`;
  return { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
}

const cannotSeal = () => new GatewayError('state_off', 'This gateway cannot seal a compaction: its operator has not set WEIR_SECRET.');
