import type { Usage } from '../../../core/chat.ts';
import { requiredModel } from '../../../core/fields.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { OperationBody, OperationCall, OperationName } from '../../../core/operation.ts';

/** A call as another vendor's form has it, and the way back. */
export interface Translation {
  /** One call, or as many as there are inputs where the vendor takes one at a time. */
  readonly bodies: readonly JsonObject[];
  /** Fields of the caller's that this form cannot say. */
  readonly loss: readonly string[];
  /** The answers in the order of the calls. Throws `upstream_invalid` where one is none. */
  answer(replies: readonly JsonObject[]): TranslatedReply;
}

export interface TranslatedReply {
  readonly body: JsonObject;
  readonly usage?: Usage;
  readonly loss?: readonly string[];
}

/**
 * One operation: its paths, how its calls and answers are looked at, and how it is said to vendors who say it
 * otherwise. What needs no translation passes untouched.
 */
export interface Operation extends OperationBody {
  readonly name: OperationName;
  /** Below a provider's base URL where its literal says nothing else. */
  readonly path: string;
  /** The form that most vendors share, and the caller's usual one. */
  readonly shape: string;
  /** Present where calls may come as multipart forms: the text fields in which people write. */
  readonly formTexts?: readonly string[];
  /** Top-level fields to set when a call is forwarded as it came, beside the model. */
  patch?(call: OperationCall): JsonObject;
  /** The call for a vendor of another shape; `undefined` where the two cannot be translated. */
  translate?(call: OperationCall, shape: string, model: string): Translation | undefined;
  /** The answer in the very form that was asked for, where vendors differ in that; the same object when nothing changed. */
  settle?(call: OperationCall, reply: JsonObject): JsonObject;
  /** What a call costs that its answer does not say: pictures asked for, characters to be spoken. */
  asked?(body: JsonObject): Partial<Usage>;
  /** What an answer, or one event of a streamed one, says it cost. */
  usage(reply: JsonObject): Usage | undefined;
  /** Every text of an answer that a model wrote, edited; absent where answers have none. */
  replyTexts?(reply: JsonObject, edit: (text: string) => string): JsonObject;
}

/** The head of bodies that name their model as chat does. */
export const modelHead = (body: JsonObject) => ({
  model: requiredModel(body.model),
  // Forms hold texts alone.
  stream: body.stream === true || body.stream === 'true' || body.stream_format === 'sse',
  wantsUsage: true,
});

/** An editor of these top-level fields, each a text or a list of texts. */
export function editFields(names: readonly string[]): OperationBody['texts'] {
  return (body, edit) => {
    let edited: Record<string, JsonObject[string]> | undefined;
    for (const name of names) {
      const before = body[name];
      const after = editTexts(before, edit);
      if (after === before) continue;
      edited ??= { ...body };
      edited[name] = after;
    }
    return edited ?? body;
  };
}

/** A text, or every text of a list; the same value when nothing changed. */
export function editTexts(value: JsonObject[string], edit: (text: string) => string): JsonObject[string] {
  if (typeof value === 'string') return edit(value);
  if (!Array.isArray(value)) return value;
  const edited = value.map((each) => (typeof each === 'string' ? edit(each) : each));
  return edited.some((each, at) => each !== value[at]) ? edited : value;
}
