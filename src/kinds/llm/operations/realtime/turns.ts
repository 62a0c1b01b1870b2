import { isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readUsage } from '../usage.ts';
import { DENSE, SPARSE, tokensAsked, tokensSaid } from './frame-tokens.ts';

/** Events of the provider's that say where the conversation is. */
const TELLS = /"(?:response\.created|response\.done|response\.[a-z_.]*delta|session\.(?:created|updated)|error)"/;
/** Formats of one byte a sample, in both ways in which sessions name them. */
const ONE_BYTE = /"(?:g711_[au]law|audio\/pcm[au])"/;
/** What the vendor says to a response that was asked for while another one is being made. */
const BUSY = 'conversation_already_has_active_response';

interface Open {
  /** What was said of it so far. */
  output: number;
  /** Tokens that callers had added when it began. */
  readonly added: number;
}

/**
 * Where a session's conversation is: how long, which responses are being made, and what was added since the last.
 * https://platform.openai.com/docs/api-reference/realtime-server-events
 */
export class Turns {
  /** Tokens of the conversation as of the longest response. */
  #known = 0;
  /** Tokens that the caller's frames since then may have added. */
  #added = 0;
  /** Asked for, and not begun as far as is known. */
  #pending = 0;
  readonly #open = new Map<string, Open>();
  readonly #done = new Set<string>();
  #bytesPerSecond = DENSE;

  /** Tokens of input that a response may have which begins now. */
  get input(): number {
    return Math.ceil(this.#known + this.#added);
  }

  /** Of these, what the caller added since the last response. */
  get added(): number {
    return Math.ceil(this.#added);
  }

  /** Responses that are being made or asked for. */
  get responses(): number {
    return this.#pending + this.#open.size;
  }

  /** Output of responses that were not finished. */
  get unfinishedOutput(): number {
    return Math.ceil([...this.#open.values()].reduce((sum, { output }) => sum + output, 0));
  }

  /** A frame of the caller's. */
  asked(frame: string | ArrayBuffer): void {
    this.#added += tokensAsked(frame, this.#bytesPerSecond);
    if (typeof frame === 'string' && frame.includes('response.create') && typeOf(parseJson(frame)) === 'response.create') this.#pending++;
  }

  /** A frame of the provider's; whether a response has ended with it. */
  heard(frame: string): boolean {
    if (!TELLS.test(frame)) return false;
    const event = parseJson(frame);
    if (!isObject(event)) return false;
    switch (event.type) {
      case 'session.created':
      case 'session.updated':
        this.#bytesPerSecond = ONE_BYTE.test(frame) ? SPARSE : DENSE;
        return false;
      case 'response.created':
        this.#begin(idOf(event));
        return false;
      case 'response.done':
        return this.#end(event);
      case 'error':
        if (isObject(event.error) && event.error.code === BUSY) this.#pending = Math.max(0, this.#pending - 1);
        return false;
      default:
        this.#said(event);
        return false;
    }
  }

  #begin(id: string): void {
    if (this.#done.has(id) || this.#open.has(id)) return;
    this.#pending = Math.max(0, this.#pending - 1);
    this.#open.set(id, { output: 0, added: this.#added });
  }

  #said({ response_id: id, delta, type }: JsonObject): void {
    if (typeof delta !== 'string') return;
    if (typeof id === 'string') this.#begin(id);
    const open = this.#open.get(typeof id === 'string' ? id : '') ?? [...this.#open.values()][0];
    if (open !== undefined) open.output += tokensSaid(delta, /(?:^|[._])audio\.delta$/.test(String(type)), this.#bytesPerSecond);
  }

  #end(event: JsonObject): boolean {
    const id = idOf(event);
    if (this.#done.has(id)) return true;
    this.#done.add(id);
    const open = this.#open.get(id);
    if (open === undefined) this.#pending = Math.max(0, this.#pending - 1);
    this.#open.delete(id);
    const usage = isObject(event.response) ? readUsage(event.response) : undefined;
    if (usage !== undefined) {
      this.#known = Math.max(this.#known, usage.input + usage.output);
      this.#added = Math.max(0, this.#added - (open?.added ?? this.#added));
    }
    return true;
  }
}

const typeOf = (event: unknown) => (isObject(event) ? event.type : undefined);
const idOf = ({ response }: JsonObject) => (isObject(response) && typeof response.id === 'string' ? response.id : '');
