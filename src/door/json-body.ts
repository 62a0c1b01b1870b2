import { GatewayError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { readText } from '../core/reader.ts';
import { checkContentType } from './ingress.ts';

/** The body of a call that comes as JSON. Throws `unsupported_media_type`, `request_too_large`, `invalid_json`. */
export async function readJsonBody(request: Request, plan: Plan): Promise<string> {
  checkContentType(request);
  const body = await readText(request, plan.limits.body).catch(notUtf8);
  if (body === undefined) throw new GatewayError('request_too_large', `The body is larger than ${plan.limits.body} bytes.`);
  return body;
}

function notUtf8(cause: unknown): never {
  if (cause instanceof TypeError) throw new GatewayError('invalid_json', 'The body is not valid UTF-8, or it broke off.', { cause });
  throw cause;
}
