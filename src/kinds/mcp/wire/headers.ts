import { decodeBase64, encodeBase64 } from '../../../core/base64.ts';
import type { Wire } from '../../../core/wire.ts';
import { codes, RpcError } from './errors.ts';
import { textOf } from './message.ts';

/** Of which field of `params` the header `Mcp-Name` is a copy (2026-07-28, "Streamable HTTP", standard headers). */
const NAMED: { readonly [method: string]: string } = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  // Of the extension `io.modelcontextprotocol/tasks`, "Routing Headers".
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

export const nameField = (method: string): string | undefined => (Object.hasOwn(NAMED, method) ? NAMED[method] : undefined);

const SENTINEL = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;

/** A header's value as it is meant; `undefined` where it says base64 and is none. */
export function decodeHeader(value: string): string | undefined {
  const trimmed = value.replace(/^[ \t]+|[ \t]+$/g, '');
  if (!trimmed.startsWith('=?base64?')) return trimmed;
  const encoded = SENTINEL.exec(trimmed)?.[1];
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A text as a header's value: what is not visible ASCII, or would be read as something else, goes as base64. */
export function encodeHeader(value: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?');
  return isPlain ? value : `=?base64?${encodeBase64(new TextEncoder().encode(value))}?=`;
}

const mismatch = (message: string) => new RpcError(codes.headerMismatch, message, { status: 400 });

/**
 * What a modern request says in its head must be what it says in its body: whoever goes by the one is not to be deceived
 * by the other. Throws -32020 with status 400.
 */
export function checkHeaders(headers: Headers, method: string, params: Wire): void {
  if (headers.get('mcp-protocol-version') === null) throw mismatch('The header MCP-Protocol-Version is missing.');
  const said = headers.get('mcp-method');
  if (said === null) throw mismatch('The header Mcp-Method is missing.');
  if (said.trim() !== method) throw mismatch('The header Mcp-Method names another method than the body.');
  const field = nameField(method);
  if (field === undefined) return;
  const wanted = textOf(params, field);
  const name = headers.get('mcp-name');
  if (name === null) {
    if (wanted === undefined) return;
    throw mismatch(`The header Mcp-Name is missing; it is a copy of params.${field}.`);
  }
  const decoded = decodeHeader(name);
  if (decoded === undefined) throw mismatch('The header Mcp-Name says that it is base64, and is not.');
  if (wanted !== undefined && decoded !== wanted) throw mismatch(`The header Mcp-Name is another than params.${field} of the body.`);
}

/** `Mcp-Param-…` as the client sent them, for the server that declared them. */
export function paramHeaders(headers: Headers): { readonly [name: string]: string } {
  const found: { [name: string]: string } = {};
  headers.forEach((value, name) => {
    if (name.startsWith('mcp-param-')) found[name] = value;
  });
  return found;
}
