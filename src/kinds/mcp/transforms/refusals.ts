import { codes, RpcError } from '../wire/errors.ts';
import type { TransformHome } from './transform.ts';

/** What is said of a tool or prompt that is not there, whether there is none or it is not for this caller. */
export const unknown = (what: 'tools' | 'prompts', { exposed }: TransformHome, own: string): RpcError =>
  new RpcError(codes.invalidParams, `Unknown ${what === 'tools' ? 'tool' : 'prompt'}: ${exposed(own).slice(0, 128)}`);

/** What the operator does not let this caller do; `why` says what they can do instead. */
export const notAllowed = (why: string): RpcError => new RpcError(codes.invalidParams, why, { data: { code: 'not_allowed' } });
