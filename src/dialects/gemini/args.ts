import { GatewayError } from '../../core/errors.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

type Step = string | number;

interface Container {
  readonly kind: 'object' | 'array';
  /** Where it stands in the one that holds it; absent for the arguments themselves. */
  readonly at: Step | undefined;
  /** Members so far; the next index of an array. */
  size: number;
  /** Members that are complete: the model writes each of them once. */
  readonly done: Set<string>;
}

/** No model leaves so many holes in an array. */
const MOST_HOLES = 1000;

const disordered = () =>
  new GatewayError('upstream_invalid', 'The provider streamed the arguments of a function in an order that makes no JSON.');

/**
 * Puts streamed arguments together as JSON text, piece by piece: `{jsonPath: "$.a[0].b", stringValue, willContinue}` says
 * where a value, or the next piece of a text, stands. The model writes its arguments from left to right, so what comes
 * next always continues the text; anything else throws `upstream_invalid`.
 * Source: https://ai.google.dev/gemini-api/docs/function-calling (streamFunctionCallArguments); paths are RFC 9535.
 */
export class ArgumentsText {
  readonly #open: Container[] = [];
  /** The path of a text that goes on. */
  #text: string | undefined;
  #closed = false;

  /** The text that these pieces add. */
  add(pieces: Json | undefined): string {
    return isArray(pieces) ? pieces.map((piece) => (isObject(piece) ? this.#piece(piece) : '')).join('') : '';
  }

  /** The text that completes the arguments. */
  close(): string {
    if (this.#closed) return '';
    this.#closed = true;
    const begun = this.#open.length === 0 ? '{' : '';
    if (begun !== '') this.#open.push(container('object', undefined));
    return begun + this.#endText() + this.#closeTo(0);
  }

  #piece(piece: JsonObject): string {
    const path = asString(piece.jsonPath) ?? '';
    const text = asString(piece.stringValue);
    const goesOn = piece.willContinue === true;
    if (text !== undefined && this.#text === path) return escaped(text) + (goesOn ? '' : this.#endText());
    const value = text === undefined ? scalarOf(piece) : undefined;
    if (text === undefined && value === undefined) return '';
    const before = this.#endText() + this.#reach(stepsOf(path));
    if (text === undefined) return before + value;
    this.#text = path;
    return `${before}"${escaped(text)}${goesOn ? '' : this.#endText()}`;
  }

  #endText(): string {
    if (this.#text === undefined) return '';
    this.#text = undefined;
    return '"';
  }

  /** Closes and opens what is needed to write a value at this place, up to its key. */
  #reach(steps: readonly Step[]): string {
    const last = steps.at(-1);
    if (last === undefined) throw disordered();
    const begun = this.#open.length === 0;
    if (begun) this.#open.push(container('object', undefined));
    const shared = this.#shared(steps);
    let text = (begun ? '{' : '') + this.#closeTo(shared);
    for (let depth = shared; depth < steps.length; depth++) {
      text += this.#member(steps[depth] ?? '');
      if (depth === steps.length - 1) break;
      const kind = typeof steps[depth + 1] === 'number' ? 'array' : 'object';
      text += kind === 'array' ? '[' : '{';
      this.#open.push(container(kind, steps[depth]));
    }
    return text;
  }

  /** How many of the open containers, the arguments themselves not counted, the value stands in. */
  #shared(steps: readonly Step[]): number {
    let shared = 0;
    while (shared < steps.length - 1 && this.#open[shared + 1] !== undefined && this.#open[shared + 1]?.at === steps[shared]) shared++;
    return shared;
  }

  #closeTo(depth: number): string {
    let text = '';
    const keep = this.#closed ? 0 : depth + 1;
    while (this.#open.length > keep) text += this.#open.pop()?.kind === 'array' ? ']' : '}';
    return text;
  }

  /** The next member of the innermost open container, up to its value. */
  #member(step: Step): string {
    const inside = this.#open.at(-1);
    if (inside === undefined || (inside.kind === 'array') !== (typeof step === 'number')) throw disordered();
    const comma = inside.size > 0 ? ',' : '';
    if (typeof step === 'number') {
      const holes = step - inside.size;
      if (holes < 0 || holes > MOST_HOLES) throw disordered();
      inside.size = step + 1;
      return comma + 'null,'.repeat(holes);
    }
    if (inside.done.has(step)) throw disordered();
    inside.done.add(step);
    inside.size++;
    return `${comma}${JSON.stringify(step)}:`;
  }
}

const container = (kind: Container['kind'], at: Step | undefined): Container => ({ kind, at, size: 0, done: new Set() });

const escaped = (text: string) => JSON.stringify(text).slice(1, -1);

/** The JSON text of a value that is no text. */
function scalarOf(piece: JsonObject): string | undefined {
  if (asNumber(piece.numberValue) !== undefined || typeof piece.boolValue === 'boolean') {
    return JSON.stringify(piece.numberValue ?? piece.boolValue);
  }
  return piece.nullValue === undefined ? undefined : 'null';
}

/** `.name`, `[0]`, `['name']`, `["name"]`, one after the other. */
const STEP = /\.([^.[\]]+)|\[(\d{1,9})\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;

function stepsOf(path: string): readonly Step[] {
  const steps: Step[] = [];
  const step = new RegExp(STEP);
  step.lastIndex = path.startsWith('$') ? 1 : 0;
  while (step.lastIndex < path.length) {
    const match = step.exec(path);
    if (match === null) throw disordered();
    const [, name, index, single, double] = match;
    steps.push(index === undefined ? (name ?? unescaped(single ?? double ?? '')) : Number(index));
  }
  return steps;
}

const unescaped = (name: string) => name.replace(/\\(.)/g, '$1');
