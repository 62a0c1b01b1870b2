import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import type { Egress, EgressRequest } from '../../../../core/ports.ts';
import { readText } from '../../../../core/reader.ts';
import { Misuse } from '../tool-result.ts';
import type { Endpoint } from './card.ts';
import { readTurn, type Turn } from './parts.ts';

/** What is said to an agent: a new message, or more on a task that waits for it. */
export interface Said {
  readonly text: string;
  readonly data?: JsonObject | undefined;
  /** Which of its skills is meant, where the caller says it by the tool it calls. */
  readonly skill?: string | undefined;
  readonly taskId?: string | undefined;
  readonly contextId?: string | undefined;
}

type Operation = 'send' | 'get' | 'cancel';

const METHODS: { readonly [version in Endpoint['version']]: { readonly [operation in Operation]: string } } = {
  '1.0': { send: 'SendMessage', get: 'GetTask', cancel: 'CancelTask' },
  '0.3': { send: 'message/send', get: 'tasks/get', cancel: 'tasks/cancel' },
};

/** One agent, asked in the version and the binding that its card names. */
export class Agent {
  readonly #endpoint: Endpoint;
  readonly #way: Pick<Egress, 'send'>;
  readonly #most: number;

  /** `most`: bytes of an answer. */
  constructor(endpoint: Endpoint, way: Pick<Egress, 'send'>, most: number) {
    this.#endpoint = endpoint;
    this.#way = way;
    this.#most = most;
  }

  /** Sends a message and does not wait for what comes of it. */
  send(said: Said, signal: AbortSignal): Promise<Turn> {
    return this.#turn('send', this.#endpoint.version === '1.0' ? messageOf(said) : formerMessageOf(said), signal);
  }

  get(id: string, signal: AbortSignal): Promise<Turn> {
    return this.#turn('get', { id }, signal);
  }

  cancel(id: string, signal: AbortSignal): Promise<Turn> {
    return this.#turn('cancel', { id }, signal);
  }

  async #turn(operation: Operation, params: JsonObject, signal: AbortSignal): Promise<Turn> {
    const response = await send(this.#way, { ...this.#request(operation, params), signal });
    const text = await readText(response, this.#most);
    if (text === undefined)
      throw new GatewayError(
        'event_too_large',
        `The agent answered with more than ${this.#most} bytes, which the operator does not allow.`,
      );
    const body = parseJson(text);
    const error = isObject(body) && isObject(body.error) ? body.error : undefined;
    if (error !== undefined && response.status < 500 && ![401, 403, 429].includes(response.status)) {
      throw new Misuse(`The agent refused: ${String(error.message ?? 'it does not say why').slice(0, 2_000)}`);
    }
    if (!response.ok) throw statusError(response.status);
    const turn = readTurn(this.#endpoint.binding === 'JSONRPC' && isObject(body) ? body.result : body);
    if (turn === undefined) throw new GatewayError('upstream_invalid', 'The agent answered with neither a task nor a message.');
    return turn;
  }

  #request(operation: Operation, params: JsonObject): Omit<EgressRequest, 'signal'> {
    const { url, binding, version, tenant } = this.#endpoint;
    const headers = { accept: 'application/json', ...(version === '1.0' ? { 'a2a-version': version } : {}) };
    if (binding === 'JSONRPC') {
      const own = tenant === undefined ? params : { ...params, tenant };
      const body = JSON.stringify({ jsonrpc: '2.0', id: crypto.randomUUID(), method: METHODS[version][operation], params: own });
      return { url, method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body };
    }
    const base = tenant === undefined ? url : `${url}/${encodeURIComponent(tenant)}`;
    const task = `${base}/tasks/${encodeURIComponent(idOf(params.id))}`;
    if (operation === 'get') return { url: task, method: 'GET', headers };
    return {
      url: operation === 'send' ? `${base}/message:send` : `${task}:cancel`,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/a2a+json' },
      body: JSON.stringify(operation === 'send' ? params : {}),
    };
  }
}

const idOf = (id: Json | undefined): string => (typeof id === 'string' ? id : '');

/** Sends one request, and says what goes wrong in words for agents. */
export async function send(way: Pick<Egress, 'send'>, request: EgressRequest): Promise<Response> {
  try {
    return await way.send(request);
  } catch (thrown) {
    request.signal.throwIfAborted();
    if (!(thrown instanceof GatewayError)) throw thrown;
    throw new GatewayError(
      thrown.code,
      thrown.message.replaceAll('The provider', 'The agent').replaceAll('the provider', 'the agent'),
      thrown.details,
    );
  }
}

export function statusError(status: number): GatewayError {
  if (status === 401 || status === 403) {
    return new GatewayError(
      'upstream_credential',
      "The agent refused the gateway's credential. The operator checks the key of this source.",
    );
  }
  if (status === 429) return new GatewayError('upstream_rate_limited', 'The agent is rate limiting the gateway.');
  if (status === 503) return new GatewayError('upstream_overloaded', 'The agent says that it is overloaded.');
  return new GatewayError('upstream_error', `The agent failed with status ${status}.`);
}

const known = (fields: { readonly [name: string]: string | undefined }): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** `SendMessageRequest` of 1.0: parts are told by the field they have. */
const messageOf = ({ text, data, skill, taskId, contextId }: Said): JsonObject => ({
  message: {
    messageId: crypto.randomUUID(),
    role: 'ROLE_USER',
    parts: [{ text, mediaType: 'text/plain' }, ...(data === undefined ? [] : [{ data, mediaType: 'application/json' }])],
    ...known({ taskId, contextId }),
  },
  configuration: { returnImmediately: true },
  ...(skill === undefined ? {} : { metadata: { skillId: skill } }),
});

/** `MessageSendParams` of 0.3. */
const formerMessageOf = ({ text, data, skill, taskId, contextId }: Said): JsonObject => ({
  message: {
    kind: 'message',
    messageId: crypto.randomUUID(),
    role: 'user',
    parts: [{ kind: 'text', text }, ...(data === undefined ? [] : [{ kind: 'data', data }])],
    ...known({ taskId, contextId }),
  },
  configuration: { blocking: false },
  ...(skill === undefined ? {} : { metadata: { skillId: skill } }),
});
