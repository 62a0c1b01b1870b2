import { GatewayError } from '../../../../core/errors.ts';

export const badForm = (why: string) => new GatewayError('invalid_request', `The form is not valid multipart/form-data: ${why}.`);

/** What the headers of a part say. */
export interface PartHead {
  readonly name: string;
  /** Present on files. */
  readonly filename?: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const PARAMETER = /^\s*;\s*([a-z0-9*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i;

/**
 * The headers of a part, to their blank line. Refused is what parsers disagree on: folded lines, a header or parameter
 * that stands twice, encoded names (RFC 7578 section 4.2 forbids `filename*`), transfer encodings.
 */
export function readPartHead(bytes: Uint8Array): PartHead {
  let disposition: string | undefined;
  for (const line of textOf(bytes).split('\r\n')) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) || /[\0\r\n]/.test(line)) throw badForm('a header of a part is malformed');
    if (name === 'content-disposition') {
      if (disposition !== undefined) throw badForm('a part has two dispositions');
      disposition = line.slice(colon + 1);
    } else if (name === 'content-transfer-encoding' && !/^\s*(?:binary|8bit|7bit)\s*$/i.test(line.slice(colon + 1))) {
      throw badForm('a part has a transfer encoding');
    }
  }
  if (disposition === undefined) throw badForm('a part has no content-disposition');
  return readDisposition(disposition);
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw badForm('the headers of a part are not UTF-8');
  }
}

function readDisposition(text: string): PartHead {
  const kind = /^\s*form-data(?=\s*(?:;|$))/i.exec(text);
  if (kind === null) throw badForm('a part is not form-data');
  const parameters = new Map<string, string>();
  let rest = text.slice(kind[0].length);
  while (rest.trim() !== '') {
    const match = PARAMETER.exec(rest);
    if (match === null) throw badForm('a content-disposition is malformed');
    const [whole, key = '', quoted, token] = match;
    const name = key.toLowerCase();
    if (parameters.has(name) || name.includes('*')) throw badForm('a content-disposition names something twice or encoded');
    parameters.set(name, quoted ?? token ?? '');
    rest = rest.slice(whole.length);
  }
  const name = parameters.get('name');
  const filename = parameters.get('filename');
  // Fields of these APIs have plain names: an escape in one would be read differently by different servers.
  if (name === undefined || !/^[\w.[\]-]+$/.test(name)) throw badForm('a part has no name, or one with unusual characters');
  return filename === undefined ? { name } : { name, filename };
}
