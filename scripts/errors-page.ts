import { type ErrorCode, errorCodes, GatewayError } from '../src/core/errors.ts';
import { isObject, type JsonObject } from '../src/core/json.ts';
import { dialects } from '../src/dialects/index.ts';

const FAULTS = { client: 'caller', gateway: 'gateway', upstream: 'provider' } as const;

const codes = Object.keys(errorCodes).sort() as ErrorCode[];

/** The `type` that a dialect's clients read, from the dialect itself. */
function typeIn(dialect: (typeof dialects)[number], code: ErrorCode): string {
  const { status, body } = dialect.writeError(new GatewayError(code, 'message'), 'req_1');
  const type = isObject(body.error) ? String(body.error.type) : '';
  return status === errorCodes[code].status ? `\`${type}\`` : `${status} \`${type}\``;
}

function row(code: ErrorCode): string {
  const { status, fault, retryable, meaning } = errorCodes[code];
  const types = dialects.map((dialect) => typeIn(dialect, code)).join(' | ');
  return `| \`${code}\` | ${status} | ${FAULTS[fault]} | ${retryable ? 'yes' : 'no'} | ${types} | ${meaning} |`;
}

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
same code in \`code\`.

${dialects.map(sample).join('\n\n')}

| code | status | whose fault | same call may succeed later | ${dialects.map(({ id }) => `type in ${id}`).join(' | ')} | what it means |
|---|---|---|---|${dialects.map(() => '---|').join('')}---|
${codes.map(row).join('\n')}

- What a provider says about a request (\`upstream_rejected\`) keeps the provider's status and message; where the dialect has
  a place for them, its type and code too.
- 401 answers carry \`WWW-Authenticate\`, 405 \`Allow\`, 429 and 503 \`Retry-After\` in seconds. \`x-should-retry: false\`
  stands on every error that asking again cannot mend: the official SDKs stop on it.
- An answer that had begun cannot change its status. The stream then ends with one error event in the caller's dialect,
  and without the dialect's own end marker.
`;
}
