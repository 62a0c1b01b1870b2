import type { Usage } from '../../../../core/chat.ts';
import { isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import { count, readUsage } from '../usage.ts';

/** What stands in every event that says what something cost; most events are pieces of audio and are not looked into. */
const SPEAKS = /"(?:response\.done|conversation\.item\.input_audio_transcription\.completed)"/;

/**
 * What a session costs, learnt from its events: each response and each transcription says it once, or again with another
 * number that counts instead. https://platform.openai.com/docs/api-reference/realtime-server-events
 */
export class SessionMeter {
  readonly #parts = new Map<string, Usage>();

  see(frame: string): void {
    if (!SPEAKS.test(frame)) return;
    const event = parseJson(frame);
    if (!isObject(event)) return;
    if (event.type === 'response.done' && isObject(event.response)) this.#note(`response ${String(event.response.id)}`, event.response);
    else if (event.usage !== undefined) this.#note(`item ${String(event.item_id)} ${String(count(event.content_index) ?? 0)}`, event);
  }

  #note(part: string, object: JsonObject): void {
    const usage = readUsage(object);
    if (usage !== undefined) this.#parts.set(part, usage);
  }

  /** `undefined` where nothing was said: a session in which nobody spoke costs nothing. */
  get usage(): Usage | undefined {
    if (this.#parts.size === 0) return undefined;
    const sum: { -readonly [name in (typeof SUMMED)[number]]?: number } = {};
    for (const usage of this.#parts.values()) {
      for (const name of SUMMED) if (usage[name] !== undefined) sum[name] = (sum[name] ?? 0) + usage[name];
    }
    return { ...sum, input: sum.input ?? 0, output: sum.output ?? 0 };
  }
}

const SUMMED = ['input', 'output', 'cacheRead', 'audioInput', 'imageInput', 'audioOutput', 'seconds'] as const;
