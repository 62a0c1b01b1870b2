import { Wire } from '../../../core/wire.ts';
import type { Ask } from '../sources/source.ts';
import { codes, RpcError } from '../wire/errors.ts';

const NONE = Wire.read('{}');

/** The arguments of a call as they were written: what is not touched leaves as it came, numbers of any size too. Throws -32602. */
export function argumentsOf({ params }: Ask): Wire {
  const span = params.fields.span('arguments');
  if (span === undefined) return NONE;
  const text = params.text.slice(span.start, span.end);
  if (!text.startsWith('{')) throw new RpcError(codes.invalidParams, '`arguments` must be an object.');
  return Wire.read(text);
}

/**
 * The call with other arguments. Headers that repeat arguments (`x-mcp-header`) are not true any more: without any, the
 * source makes them anew.
 */
export function withArguments({ method, params }: Ask, args: Wire): Ask {
  const span = params.fields.span('arguments');
  if (span === undefined) return { method, params: params.with({ arguments: args.json() }) };
  return { method, params: Wire.read(params.text.slice(0, span.start) + args.text + params.text.slice(span.end)) };
}
