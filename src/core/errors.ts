/** Who is at fault: decides who must act, and whether another target may help. */
export type Fault = 'client' | 'gateway' | 'upstream';

interface CodeFacts {
  /** HTTP status in every dialect unless the dialect's family needs another (see `docs/errors.md`). */
  readonly status: number;
  readonly fault: Fault;
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean;
  /** What it means and what to do, for `docs/errors.md`. */
  readonly meaning: string;
}

/**
 * The one table of error codes. Codes are public and stable: clients script against them.
 * `docs/errors.md` is generated from here.
 */
export const errorCodes = {
  invalid_json: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning: 'The body is not one JSON object. Send `content-type: application/json` and valid UTF-8 JSON.',
  },
  invalid_request: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning: 'A field or header has a wrong type or value; the message names it.',
  },
  missing_key: {
    status: 401,
    fault: 'client',
    retryable: false,
    meaning:
      'Nothing with the request says who is asking. Send a gateway key as `Authorization: Bearer`, `x-api-key`, `api-key`, `x-goog-api-key`, `?key=` or `x-weir-key`, or what else the operator takes (docs/identity.md).',
  },
  invalid_key: {
    status: 401,
    fault: 'client',
    retryable: false,
    meaning:
      'The gateway key, token, signature or certificate is not good: it is unknown, disabled, expired, forged or for somebody else. The message says which, as far as the caller may know; ask the operator for a valid one.',
  },
  not_allowed: {
    status: 403,
    fault: 'client',
    retryable: false,
    meaning:
      'The credential is valid and may not do this: not on this route, not from this address or country, not without a claim that the operator asks for, or not with the admin API.',
  },
  insufficient_scope: {
    status: 403,
    fault: 'client',
    retryable: false,
    meaning:
      'The token is valid and not good for what was asked; `WWW-Authenticate` names all scopes that this takes. Clients of MCP ask their user for them, and try again (docs/oauth.md).',
  },
  model_not_allowed: {
    status: 403,
    fault: 'client',
    retryable: false,
    meaning: 'The key, something above it, or a policy of the route does not allow the model that was asked for.',
  },
  translation_loss: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning:
      'The call asked with `x-weir-strict: 1` that nothing be left out, and the provider it goes to has no words for the fields that the message names. Leave them out, or ask without strictness: `x-weir-loss` then names what was left out.',
  },
  content_refused: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning: 'A policy refused the content of the request; the message names the policy.',
  },
  tool_quarantined: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning:
      'The tool is not one that the operator has approved, or it is not any more what was approved: its server has changed it. Other tools of the server go on. The operator looks at it with `GET /admin/v1/tools` (docs/mcp-governance.md).',
  },
  approval_over: {
    status: 409,
    fault: 'client',
    retryable: false,
    meaning: 'The approval was decided before, was used, or its time is over. A new call of the tool asks for a new one.',
  },
  model_not_found: {
    status: 404,
    fault: 'client',
    retryable: false,
    meaning: 'No such model. Name a virtual model, or `provider/model` of a configured provider; `GET /v1/models` lists them.',
  },
  not_found: {
    status: 404,
    fault: 'client',
    retryable: false,
    meaning: 'Nothing is served at this path, or the id does not exist for this app.',
  },
  previous_response_not_found: {
    status: 404,
    fault: 'client',
    retryable: false,
    meaning:
      'The response or conversation that the call continues was not made with a key of this app, was made with `store: false`, was deleted or has expired. Send the whole conversation as `input`.',
  },
  method_not_allowed: {
    status: 405,
    fault: 'client',
    retryable: false,
    meaning: 'The path exists but not with this method; `Allow` lists the methods.',
  },
  already_exists: {
    status: 409,
    fault: 'client',
    retryable: false,
    meaning: 'There is one of this name already, where names must differ. Choose another, or change the one that there is.',
  },
  conflict: {
    status: 412,
    fault: 'client',
    retryable: false,
    meaning:
      '`If-Match` names another version than the current one, or somebody changed it at the same moment. Read the current one and try again.',
  },
  idempotency_conflict: {
    status: 409,
    fault: 'client',
    retryable: true,
    meaning:
      'A call with the same `Idempotency-Key` is not done yet: ask again with the same key, and the answer of the first one comes. Or it is done and its answer was too large to be told again; then `x-should-retry: false` stands on it.',
  },
  idempotency_mismatch: {
    status: 422,
    fault: 'client',
    retryable: false,
    meaning: 'Another call had the same `Idempotency-Key` and asked for something else. A new call needs a new key.',
  },
  request_too_large: { status: 413, fault: 'client', retryable: false, meaning: 'The body is larger than the limit.' },
  url_too_long: { status: 414, fault: 'client', retryable: false, meaning: 'The URL is longer than 16 KB.' },
  unsupported_media_type: {
    status: 415,
    fault: 'client',
    retryable: false,
    meaning: 'The body has a content type or encoding that is not accepted here.',
  },
  upgrade_required: {
    status: 426,
    fault: 'client',
    retryable: false,
    meaning: 'WebSocket is not served here. Use the HTTP form of the same call.',
  },
  rate_limited: {
    status: 429,
    fault: 'client',
    retryable: true,
    meaning: 'A rate limit was reached; `Retry-After` says when to try again.',
  },
  budget_exceeded: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning:
      'A budget leaves no room for the call; the message names whose, how much and when it frees. Trying again does not help before that. Clients of each family are told in the form that makes them stop.',
  },
  run_stopped: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning: 'The operator has stopped the run, or it went in circles. Begin a new run under another name.',
  },
  connection_needed: {
    status: 424,
    fault: 'client',
    retryable: false,
    meaning:
      'The server wants a credential that only the caller, or the operator, can give it. Open the link that the message holds and connect the account there, then try again; where there is no link, the operator connects the organisation (docs/mcp-credentials.md).',
  },
  client_unanswered: {
    status: 408,
    fault: 'client',
    retryable: true,
    meaning:
      'An MCP server asked the client something in the middle of a request (elicitation, sampling, roots), and the client did not answer in time, left, or cannot be asked. Ask again with a client that answers.',
  },
  headers_too_large: { status: 431, fault: 'client', retryable: false, meaning: 'More than 100 headers, or more than 32 KB of them.' },
  config_invalid: {
    status: 422,
    fault: 'client',
    retryable: false,
    meaning: 'The configuration document is not valid; `problems` names every fault by its path. The current revision stays.',
  },
  state_off: {
    status: 501,
    fault: 'gateway',
    retryable: false,
    meaning:
      'This gateway keeps nothing between calls. The operator sets the secret `WEIR_SECRET`, or send the whole conversation as `input`.',
  },
  not_supported: { status: 501, fault: 'gateway', retryable: false, meaning: 'The operation is not available for this model or provider.' },
  provider_key_missing: {
    status: 503,
    fault: 'gateway',
    retryable: false,
    meaning:
      'The provider that serves this model has no credential. The operator sets the secret, or writes the credential into the vault, that the message names.',
  },
  overloaded: {
    status: 503,
    fault: 'gateway',
    retryable: true,
    meaning: 'The gateway has no room for the request now; `Retry-After` says when to try again.',
  },
  loop_detected: {
    status: 508,
    fault: 'gateway',
    retryable: false,
    meaning: 'The request came back to the gateway through its own upstream. The operator corrects the base URL of the provider.',
  },
  internal: {
    status: 500,
    fault: 'gateway',
    retryable: true,
    meaning: 'A fault inside the gateway. Report the request id to the operator.',
  },
  upstream_rejected: {
    status: 400,
    fault: 'client',
    retryable: false,
    meaning: 'The provider refused the request; its own message is kept word for word.',
  },
  upstream_credential: {
    status: 502,
    fault: 'upstream',
    retryable: false,
    meaning: "The provider refused the gateway's credential. The operator checks the provider's key.",
  },
  upstream_rate_limited: {
    status: 429,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider is rate limiting the gateway; `Retry-After` says when to try again.',
  },
  upstream_overloaded: {
    status: 503,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider says that it is overloaded. Try again shortly.',
  },
  upstream_error: {
    status: 502,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider failed, and so did every other target of the model.',
  },
  upstream_unavailable: {
    status: 503,
    fault: 'upstream',
    retryable: true,
    meaning: 'Every target of the model has failed lately, and none is asked for now; `Retry-After` says when one will be.',
  },
  upstream_unreachable: { status: 502, fault: 'upstream', retryable: true, meaning: 'No connection to the provider could be made.' },
  upstream_invalid: {
    status: 502,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider answered with something that is not an answer of its own protocol.',
  },
  upstream_interrupted: {
    status: 502,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider broke off in the middle of its answer. What arrived before is genuine and incomplete.',
  },
  upstream_timeout: {
    status: 504,
    fault: 'upstream',
    retryable: true,
    meaning: 'The provider did not answer, or did not go on, within the time limit.',
  },
  event_too_large: { status: 502, fault: 'upstream', retryable: false, meaning: 'One event of the stream was larger than 1 MiB.' },
  upstream_authorization: {
    status: 502,
    fault: 'upstream',
    retryable: false,
    meaning:
      'No credential for a server could be got from its authorization server: its metadata is missing, contradicts itself or names an address that is refused, or it refuses the gateway as a client. The message says which; the operator corrects `auth` of the source (docs/mcp-credentials.md).',
  },
  address_refused: {
    status: 502,
    fault: 'gateway',
    retryable: false,
    meaning: 'The address of the provider is not allowed: a deployed gateway connects to public https origins only.',
  },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** Never leaves the log. */
  readonly cause?: unknown;
  /** Replaces the table's status where the provider's own status must be kept. */
  readonly status?: number;
  /** Seconds until a retry makes sense. */
  readonly retryAfter?: number;
  /** The request field at fault, as the caller wrote it. */
  readonly param?: string;
  /** The error type the provider named, kept where the caller's dialect is the provider's. */
  readonly vendorType?: string;
  /** The error code the provider named, likewise. */
  readonly vendorCode?: string;
  /** Overrides the table: a provider's 4xx that another target may still serve. */
  readonly retryable?: boolean;
  /** Scopes that the request needs, all of them. */
  readonly scopes?: readonly string[];
  /** Methods for `Allow`. */
  readonly allow?: string;
  /** The time was over that the operator or the caller gives, whatever the provider would have said. */
  readonly outOfTime?: true;
  /** Every fault of a refused document. */
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
}

/** An error that names who is at fault and whether to retry, at birth. The message is public; the cause is not. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly retryable: boolean;
  readonly status: number;
  readonly details: ErrorDetails;
  /** Calls to providers that were made before it was given up. */
  attempts = 0;
  /** What stands at the limits of who asked, for the head of the answer. */
  standing: { readonly [header: string]: string } = {};

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.fault = errorCodes[code].fault;
    this.retryable = details.retryable ?? errorCodes[code].retryable;
    this.status = details.status ?? errorCodes[code].status;
    this.details = details;
  }

  /** What was thrown, as a gateway error: anything unforeseen becomes `internal` and keeps its text to the log. */
  static from(thrown: unknown): GatewayError {
    return thrown instanceof GatewayError
      ? thrown
      : new GatewayError('internal', 'The gateway failed to handle this request. Report the request id to the operator.', {
          cause: thrown,
        });
  }
}

/** A provider that was given up because the time for it was over. */
export const outOfTime = (message: string): GatewayError => new GatewayError('upstream_timeout', message, { outOfTime: true });
