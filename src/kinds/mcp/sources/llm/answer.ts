import { type Schema, Validator } from '@cfworker/json-schema';
import { type ErrorCode, errorCodes, GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readText } from '../../../../core/reader.ts';

/** What the tool has to say, and what the log is told of the call that was made for it. */
export interface Answered {
  readonly told: JsonObject;
  readonly facts: JsonObject;
}

/** What the answer is to look like. */
export interface Output {
  /** A JSON Schema of an object. */
  readonly schema: JsonObject;
  /** Whether it is the operator's. */
  readonly isTrusted: boolean;
}

/** Reads a whole chat completion in OpenAI's form. Throws what the gateway refused the call with. */
export async function answerOf(response: Response, output: Output | undefined, most: number): Promise<Answered> {
  const text = await readText(response, most);
  const facts = factsOf(response);
  if (text === undefined)
    return { told: wrong(`The model answered with more than ${most} bytes, which the operator does not allow.`, facts), facts };
  const body = parseJson(text);
  if (!response.ok) throw refusalOf(body, response);
  const choices = isObject(body) && isArray(body.choices) ? body.choices : [];
  const [choice] = choices;
  const message = isObject(choice) && isObject(choice.message) ? choice.message : {};
  if (typeof message.refusal === 'string' && message.refusal !== '') return { told: wrong(message.refusal, facts), facts };
  const said = typeof message.content === 'string' ? message.content : '';
  const isCut = isObject(choice) && choice.finish_reason === 'length';
  return { told: output === undefined ? plain(said, facts) : structured(said, output, isCut, facts), facts };
}

const plain = (text: string, facts: JsonObject): JsonObject => ({ content: [{ type: 'text', text }], _meta: { 'weir/call': facts } });
const wrong = (text: string, facts: JsonObject): JsonObject => ({ ...plain(text, facts), isError: true });

/** A tool that says what its results look like gives no other: models of some vendors are only asked to keep to a schema. */
function structured(text: string, { schema, isTrusted }: Output, isCut: boolean, facts: JsonObject): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) {
    return wrong(
      isCut ? 'The answer of the model was cut off: it was not to be longer.' : 'The model did not answer with an object.',
      facts,
    );
  }
  // A pattern in a schema of a caller's could take for ever; who gave it can look for itself.
  const [fault] = isTrusted ? faultsOf(value, schema) : [];
  if (fault !== undefined) return wrong(`The answer of the model does not fit the schema: ${fault}`, facts);
  return { ...plain(text, facts), structuredContent: value };
}

function faultsOf(value: JsonObject, schema: JsonObject): readonly string[] {
  try {
    const { valid, errors } = new Validator(schema as Schema, '2020-12').validate(value);
    return valid ? [] : errors.slice(-1).map(({ error, instanceLocation }) => `${instanceLocation}: ${error}`.slice(0, 500));
  } catch {
    return ['the schema is none that can be checked.'];
  }
}

function factsOf({ headers }: Response): JsonObject {
  const facts: { [fact: string]: Json } = {};
  for (const [name, header] of [
    ['request', 'x-weir-request-id'],
    ['model', 'x-weir-model'],
    ['cost', 'x-weir-cost'],
    ['cache', 'x-weir-cache'],
  ] as const) {
    const value = headers.get(header);
    if (value !== null) facts[name] = value;
  }
  return facts;
}

/** The refusal in the gateway's own words: who has no room for a model is told so as for any other tool. */
function refusalOf(body: Json | undefined, { headers }: Response): GatewayError {
  const error = isObject(body) && isObject(body.error) ? body.error : {};
  const message = typeof error.message === 'string' ? error.message : 'The model could not be asked.';
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  return new GatewayError(isCode(error.code) ? error.code : 'upstream_error', message, Number.isFinite(retryAfter) ? { retryAfter } : {});
}

const isCode = (code: Json | undefined): code is ErrorCode => typeof code === 'string' && Object.hasOwn(errorCodes, code);
