import type { Message, Part, Signed } from '../../core/chat.ts';
import { invalid, optionalString, present, requiredString, rest } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID, ISSUER, objectsOf } from './fields.ts';
import { readParts } from './read-parts.ts';
import { type Sealed, unseal } from './sealed.ts';

/**
 * The `input` of a call, or the items of a stored turn, as messages: what the model did in one turn (it thought, said,
 * called) is one message, whatever number of items it was. `at` is how errors name the field.
 */
export function readItems(value: Json | undefined, at = 'input'): readonly Message[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return [{ role: 'user', content: [{ type: 'text', text: value }] }];
  if (!isArray(value)) throw invalid(at, 'a string or an array of items');
  const reading = new Conversation();
  for (const [index, item] of value.entries()) {
    const path = `${at}[${index}]`;
    if (!isObject(item)) throw invalid(path, 'an object');
    const type = optionalString(item.type, `${path}.type`) ?? (item.role === undefined ? 'item_reference' : 'message');
    const read = readers.get(type);
    if (read === undefined) reading.assistant({ type: 'raw', dialect: ID, value: item });
    else read(reading, item, path);
  }
  return reading.messages();
}

class Conversation {
  readonly #messages: { readonly role: Message['role']; readonly content: Part[]; readonly extra?: JsonObject }[] = [];
  /** Signatures of calls that have not come yet, by the call's id. */
  readonly #signatures = new Map<string, Signed>();

  readonly #calls = new Set<string>();

  say(role: Message['role'], content: readonly Part[], extra?: JsonObject): void {
    this.#messages.push({ role, content: [...content], ...extraOf(extra) });
  }

  assistant(...parts: readonly Part[]): void {
    const last = this.#messages.at(-1);
    if (last?.role === 'assistant') last.content.push(...parts);
    else this.say('assistant', parts);
  }

  has(callId: string): boolean {
    return this.#calls.has(callId);
  }

  call(part: Part & { readonly type: 'tool-call' }): void {
    this.#calls.add(part.id);
    this.assistant({ ...part, ...this.#signatures.get(part.id) });
    this.#signatures.delete(part.id);
  }

  /** Puts a signature back on the call that it was taken from, wherever the client put it; `item` is what it came in. */
  signCall(callId: string, signature: Signed, item: JsonObject): void {
    // A call that only this dialect has cannot hold it: what translates the call finds it beside.
    if (this.#isRaw(callId)) this.assistant({ type: 'raw', dialect: ID, value: item });
    else if (!this.#sign((part) => part.type === 'tool-call' && part.id === callId, signature))
      this.#signatures.set(callId, signatureOf(signature));
  }

  #isRaw(callId: string): boolean {
    const { content } = this.#messages.at(-1) ?? { content: [] };
    return content.some((part) => part.type === 'raw' && isObject(part.value) && part.value.call_id === callId);
  }

  /** Puts a signature back on the text right before it. */
  signText(signature: Signed): void {
    this.#sign((part) => part.type === 'text', signature);
  }

  #sign(isPart: (part: Part) => boolean, signed: Signed): boolean {
    for (const { role, content } of this.#messages.toReversed()) {
      const at = role === 'assistant' ? content.findLastIndex(isPart) : -1;
      const part = content[at];
      if (part?.type !== 'text' && part?.type !== 'tool-call') continue;
      content[at] = { ...part, ...signatureOf(signed) };
      return true;
    }
    return false;
  }

  messages(): readonly Message[] {
    return this.#messages;
  }
}

const signatureOf = ({ signature, issuer }: Signed): Signed => present({ signature, issuer });

type ItemReader = (reading: Conversation, item: JsonObject, at: string) => void;

/** One reader an item type. Items of other types, hosted tools and what they found, are raw. */
const readers: ReadonlyMap<string, ItemReader> = new Map<string, ItemReader>([
  ['message', readMessage],
  ['reasoning', readReasoning],
  ['function_call', readCall('arguments')],
  ['custom_tool_call', readCall('input')],
  ['function_call_output', readOutput],
  ['custom_tool_call_output', readOutput],
]);

const ROLES = ['system', 'developer', 'user', 'assistant'] as const;

/** The id and status of an item are the API's own book-keeping: nothing is said by them. */
function readMessage(reading: Conversation, item: JsonObject, at: string): void {
  const role = ROLES.find((known) => known === item.role);
  if (role === undefined) throw invalid(`${at}.role`, '"system", "developer", "user" or "assistant"');
  const content = readParts(item.content, `${at}.content`);
  const extra = rest(item, ['type', 'role', 'content', 'id', 'status']);
  if (role !== 'assistant') reading.say(role, content, extra);
  else reading.assistant(...(extra === undefined ? content : content.map((part) => withExtra(part, extra))));
}

/** What is said of an answer's message (`phase`) goes with its texts: several messages become one here. */
const withExtra = (part: Part, extra: JsonObject): Part => {
  if (part.type !== 'text') return part;
  const own = part.extra?.[ID];
  return { ...part, extra: { [ID]: { ...(isObject(own) && own), ...extra } } };
};

const CALL_FIELDS = ['type', 'id', 'call_id', 'name', 'status'];

function readCall(field: 'arguments' | 'input'): ItemReader {
  return (reading, item, at) => {
    const input = item[field];
    reading.call({
      type: 'tool-call',
      id: requiredString(item.call_id, `${at}.call_id`),
      name: requiredString(item.name, `${at}.name`),
      // Some clients hold arguments parsed, and send them back that way.
      input: field === 'arguments' && isObject(input) ? JSON.stringify(input) : requiredString(input, `${at}.${field}`),
      ...(field === 'input' && { custom: true as const }),
      ...extraOf(rest(item, [...CALL_FIELDS, field])),
    });
  };
}

const OUTPUT_FIELDS = ['type', 'id', 'call_id', 'output', 'status'];

function readOutput(reading: Conversation, item: JsonObject, at: string): void {
  const { output } = item;
  const callId = requiredString(item.call_id, `${at}.call_id`);
  // Of a call that stands here the type is known; of one that the provider keeps only this item tells.
  const known = reading.has(callId) || item.type === 'function_call_output' ? OUTPUT_FIELDS : OUTPUT_FIELDS.slice(1);
  reading.say('tool', [
    {
      type: 'tool-result',
      callId,
      // Not all clients make text of what their tools return.
      content: isObject(output) ? [{ type: 'text', text: JSON.stringify(output) }] : readParts(output, `${at}.output`),
      ...extraOf(rest(item, known)),
    },
  ]);
}

/** Parts of a summary are paragraphs. */
export const PARAGRAPH = '\n\n';

const textsOf = (value: Json | undefined): string =>
  objectsOf(value)
    .map((part) => asString(part.text) ?? '')
    .join(PARAGRAPH);

function readReasoning(reading: Conversation, item: JsonObject, at: string): void {
  const sealed = optionalString(item.encrypted_content, `${at}.encrypted_content`) ?? '';
  const seal = sealed === '' ? undefined : unseal(sealed);
  if (seal?.kind === 'call') reading.signCall(seal.callId, seal, item);
  else if (seal?.kind === 'text') reading.signText(seal);
  else reading.assistant(thoughtOf(item, seal, optionalString(item.id, `${at}.id`)));
}

/** Reasoning as the model wrote it, where that is given, else its summary. */
function thoughtOf(item: JsonObject, seal: Exclude<Sealed, { kind: 'call' | 'text' }> | undefined, id: string | undefined): Part {
  if (seal?.kind === 'redacted') return { type: 'redacted-thinking', data: seal.data, issuer: seal.issuer };
  const summary = textsOf(item.summary);
  const written = textsOf(item.content);
  const thought = { type: 'thinking' as const, text: written === '' ? summary : written };
  if (seal?.kind === 'unsigned') return thought;
  const own = { ...present({ id }), ...(written === '' && summary !== '' && { summary: true as const }) };
  if (seal === undefined) return { ...thought, ...own };
  const { signature, issuer } = seal;
  // What came from elsewhere has an id of the gateway's making, which means nothing to anyone else.
  return { ...thought, signature, issuer, ...(issuer === ISSUER && own) };
}
