import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import { isArray, isObject, parseJson } from '../../core/json.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { OwnerKeys } from '../secret.ts';
import { type Layer, soon } from './layers.ts';

/** Of what is written; another one is not read. */
const VERSION = 1;
const REMEMBERED = 200;

/** Answers beyond the isolate, each sealed for its organisation: what stands there tells nothing and cannot be forged. */
export class SealedLayers {
  readonly #layers: readonly Layer[];
  readonly #secret: string;
  readonly #keys = new Snapshots<OwnerKeys>(REMEMBERED);

  /** `layers`: the nearest first. */
  constructor(layers: readonly Layer[], secret: string) {
    this.#layers = layers;
    this.#secret = secret;
  }

  /** What the nearest layer has that answers soon. Never rejects. */
  async read(key: string, org: string): Promise<StoredAnswer | undefined> {
    const keys = await this.#keysOf(org);
    const name = await keys.name(key);
    for (const layer of this.#layers) {
      const bytes = await soon(layer.read(name), layer.patience).catch(() => undefined);
      const text = bytes === undefined ? undefined : await keys.open(bytes, name);
      const answer = text === undefined ? undefined : answerIn(text);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  /** To every layer; one that fails holds up no other. Never rejects. */
  async write(key: string, answer: StoredAnswer, now: number): Promise<void> {
    const keys = await this.#keysOf(answer.of.org);
    const name = await keys.name(key);
    const sealed = await keys.seal(JSON.stringify({ version: VERSION, answer }), name);
    const seconds = Math.max(1, Math.ceil((answer.until - now) / 1_000));
    await Promise.all(this.#layers.map((layer) => layer.write(name, sealed, seconds).catch(() => undefined)));
  }

  async #keysOf(org: string): Promise<OwnerKeys> {
    const known = this.#keys.get(org);
    if (known !== undefined) return known;
    const keys = await OwnerKeys.derive(this.#secret, org, 'answers');
    this.#keys.put(org, keys);
    return keys;
  }
}

function answerIn(text: string): StoredAnswer | undefined {
  const written: unknown = parseJson(text);
  if (!isObject(written) || written.version !== VERSION) return undefined;
  const answer: unknown = written.answer;
  return isAnswer(answer) ? answer : undefined;
}

/** It was sealed here, so that its form is the one that this version writes: only that it is one is looked at. */
const isAnswer = (value: unknown): value is StoredAnswer =>
  isObject(value) && typeof value.until === 'number' && Array.isArray(value.chunks) && isObject(value.of) && isArray(value.of.tags);
