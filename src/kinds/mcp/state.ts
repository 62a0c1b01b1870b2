import type { JsonObject } from '../../core/json.ts';
import { digestOf } from '../../core/ledger/canonical.ts';
import type { Wire } from '../../core/wire.ts';
import type { Sealer } from './seal.ts';
import type { Asked } from './virtual.ts';
import { codes, RpcError } from './wire/errors.ts';
import { textOf } from './wire/message.ts';

/** Milliseconds in which a client has to answer what was asked back. */
export const ANSWER_FOR = 10 * 60_000;
const RELAYED = 'relayed';
const PARKED = 'parked';

/** What a request is, whatever its client adds to it when it comes back with answers. */
async function digest({ method, params }: Asked): Promise<string> {
  const { _meta: _, inputResponses: __, requestState: ___, ...rest } = params.json();
  return digestOf({ method, params: rest });
}

export const badState = () =>
  new RpcError(codes.invalidParams, 'requestState is none of this request, was changed, or is too old: ask anew without it.');

/** The parameters with the source's own state in the place of the sealed one. Throws -32602 for a state that is none of this caller's and this request's. */
export async function openState(params: Wire, asked: Asked, source: string, sealer: Sealer): Promise<Wire> {
  if (!params.fields.has('requestState')) return params;
  const sealed = textOf(params, 'requestState');
  const said = sealed === undefined ? undefined : await sealer.open(RELAYED, sealed);
  if (said?.source !== source || said.digest !== (await digest(asked)) || typeof said.state !== 'string') throw badState();
  return params.with({ requestState: said.state });
}

export async function sealState(result: Wire, asked: Asked, source: string, sealer: Sealer): Promise<Wire> {
  if (textOf(result, 'resultType') !== 'input_required') return result;
  const state = textOf(result, 'requestState');
  if (state === undefined) return result;
  return result.with({ requestState: await sealer.seal(RELAYED, { source, state, digest: await digest(asked) }, ANSWER_FOR) });
}

/** The state of a call that waits in a session for what its client was asked. */
export const sealParked = async (park: string, asked: Asked, sealer: Sealer): Promise<string> =>
  sealer.seal(PARKED, { park, digest: await digest(asked) }, ANSWER_FOR);

/** Which call waits; `undefined` where the state is not of one. Throws -32602 where it is of another request. */
export async function openParked(asked: Asked, sealer: Sealer): Promise<string | undefined> {
  const sealed = textOf(asked.params, 'requestState');
  const said: JsonObject | undefined = sealed === undefined ? undefined : await sealer.open(PARKED, sealed);
  if (said === undefined) return undefined;
  if (typeof said.park !== 'string' || said.digest !== (await digest(asked))) throw badState();
  return said.park;
}
