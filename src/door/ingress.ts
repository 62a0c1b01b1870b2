import { GatewayError } from '../core/errors.ts';
import { isLoop } from '../core/via.ts';

export const MAX_HEADERS = 100;
export const MAX_HEADER_BYTES = 32 * 1024;
export const MAX_URL = 16 * 1024;

/** A name or an address, and a port: RFC 9112 section 3.2. Two `Host` headers arrive joined by a comma, and are none. */
const HOST = /^[\w.-]+(?::\d*)?$|^\[[\da-f:.]+\](?::\d*)?$/i;

/** What is wrong with the host that a request names; nothing where it names none. The URL is made of it, and may then be none. */
export function hostFault({ headers }: Request): GatewayError | undefined {
  const host = headers.get('host');
  if (host === null || host === '' || HOST.test(host)) return undefined;
  return new GatewayError('invalid_request', 'The request names its host in a way that no host is named, or more than one.');
}

/** Refuses what is too large or comes in a circle, before anything is looked at. Throws. */
export function checkIngress(request: Request): void {
  const fault = hostFault(request);
  if (fault !== undefined) throw fault;
  if (request.url.length > MAX_URL) throw new GatewayError('url_too_long', `The URL is longer than ${MAX_URL} bytes.`);
  let count = 0;
  let bytes = 0;
  // A third of what the iterator costs.
  request.headers.forEach((value, name) => {
    count++;
    bytes += name.length + value.length;
  });
  if (count > MAX_HEADERS || bytes > MAX_HEADER_BYTES) {
    throw new GatewayError('headers_too_large', `A request may have at most ${MAX_HEADERS} headers and ${MAX_HEADER_BYTES} bytes of them.`);
  }
  if (isLoop(request.headers)) {
    throw new GatewayError(
      'loop_detected',
      'The request went through Weir several times already: a provider of the configuration points back at it.',
    );
  }
}

/** Refuses a body that is not JSON by its own account. A missing type is taken for JSON, as many scripts send none. */
export function checkContentType(request: Request): void {
  const type = request.headers.get('content-type');
  if (type !== null && !/^(application\/([\w.+-]*\+)?json|text\/plain|application\/x-www-form-urlencoded)\b/i.test(type)) {
    throw new GatewayError('unsupported_media_type', 'Send the body as `content-type: application/json`.');
  }
  const encoding = request.headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') {
    throw new GatewayError('unsupported_media_type', 'Send the body without a content encoding.');
  }
}
