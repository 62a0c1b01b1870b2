import { type ErrorCode, errorCodes, GatewayError } from '../src/core/errors.ts';
import { isObject, type JsonObject } from '../src/core/json.ts';
import { dialects } from '../src/dialects/index.ts';

const FAULTS = { client: 'caller', gateway: 'gateway', upstream: 'provider' } as const;

const codes = Object.keys(errorCodes).sort() as ErrorCode[];

/** The word that a dialect's clients tell errors apart by, from the dialect itself; only a status where it has none. */
function wordIn(dialect: (typeof dialects)[number], code: ErrorCode): string {
  const { status, body, headers } = dialect.writeError(new GatewayError(code, 'message'), 'req_1');
  const error = isObject(body.error) ? body.error : {};
  const word = error.type ?? error.status ?? headers?.['x-amzn-errortype'];
  const parts = [status === errorCodes[code].status ? '' : String(status), typeof word === 'string' ? `\`${word}\`` : ''];
  return parts.filter((part) => part !== '').join(' ') || '–';
}

function row(code: ErrorCode): string {
  const { status, fault, retryable, meaning } = errorCodes[code];
  return `| \`${code}\` | ${status} | ${FAULTS[fault]} | ${retryable ? 'yes' : 'no'} | ${meaning} |`;
}

const words = (code: ErrorCode) => `| \`${code}\` | ${dialects.map((dialect) => wordIn(dialect, code)).join(' | ')} |`;

/** What an error of a dialect looks like, whole. */
function sample(dialect: (typeof dialects)[number]): string {
  const error = new GatewayError('model_not_found', 'There is no model "gpt-9".', { param: 'model' });
  const { body }: { readonly body: JsonObject } = dialect.writeError(error, 'req_4f1c');
  return `\`${dialect.id}\`\n\n\`\`\`json\n${JSON.stringify(body, null, 2)}\n\`\`\``;
}

/** `docs/errors.md`, from the table of codes and from the dialects that write them. */
export function errorsPage(): string {
  return `# Errors

Written by \`npm run docs\` from \`src/core/errors.ts\` and the dialects. Do not edit.

Every error has a code that does not change, a message that says what to do, and the request id. Language-model paths
answer in the caller's own dialect; the admin API and everything else answer with problem details (RFC 9457), with the
same code in \`code\`. MCP servers answer in JSON-RPC, with the code in \`error.data.code\` and the request id in
\`error.data.requestId\`; there a provider is the server behind the route, and a model its tool. Errors that a server
answers with itself have nothing added:

\`\`\`json
{ "jsonrpc": "2.0", "id": 1, "error": { "code": -32603, "message": "…", "data": { "code": "upstream_timeout", "requestId": "req_4f1c" } } }
\`\`\`

${dialects.map(sample).join('\n\n')}

| code | status | whose fault | same call may succeed later | what it means |
|---|---|---|---|---|
${codes.map(row).join('\n')}

What each dialect's clients tell them apart by; a status stands where the dialect needs another than the table's.

| code | ${dialects.map(({ id }) => id).join(' | ')} |
|---|${dialects.map(() => '---|').join('')}
${codes.map(words).join('\n')}

- What a provider says about a request (\`upstream_rejected\`) keeps the provider's status and message; where the dialect has
  a place for them, its type and code too.
- 401 answers carry \`WWW-Authenticate\`, 405 \`Allow\`, 429 and 503 \`Retry-After\` in seconds. \`x-should-retry: false\`
  stands on every error that asking again cannot mend, or not within a minute: the official SDKs stop on it.
- An answer that had begun cannot change its status. The stream then ends with one error event in the caller's dialect,
  and without the dialect's own end marker.
`;
}
