import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readText } from '../../../../core/reader.ts';
import { Wire } from '../../../../core/wire.ts';
import { failed, tooDeep, tooLarge } from '../tool-result.ts';

/** Errors that a caller is shown, characters of all of them, and characters of an answer that is no GraphQL. */
const ERRORS = 10;
const SHOWN = 4 * 1024;
const REFUSAL = 8 * 1024;

/**
 * The answer of an API as the result of a tool, by what is in it rather than by its status: the draft of GraphQL over HTTP
 * lets a refusal have either. `most`: bytes of an answer.
 */
export async function resultOf(response: Response, most: number): Promise<Wire> {
  const text = await readText(response, most);
  if (text === undefined) return Wire.of(tooLarge(most));
  const body = parseJson(text);
  const isGraphQl = isObject(body) && (isObject(body.data) || (isArray(body.errors) && body.errors.length > 0));
  return Wire.of(isGraphQl ? ofBody(body, text) : refusal(response, text));
}

function ofBody({ data, errors }: JsonObject, text: string): JsonObject {
  const wrong = errorsText(errors);
  const written = isObject(data) ? dataText(text) : undefined;
  if (isObject(data) && written === undefined) return tooDeep();
  if (!isObject(data) || written === undefined || (wrong !== undefined && Object.values(data).every((each) => each === null)))
    return failed(wrong ?? 'The API sent no data.');
  const content = [
    { type: 'text', text: written },
    ...(wrong === undefined ? [] : [{ type: 'text', text: `Not all of it came. ${wrong}` }]),
  ];
  return { content, structuredContent: data };
}

/** `data` word for word: numbers may be longer than JavaScript's. */
function dataText(text: string): string | undefined {
  try {
    const span = Wire.read(text).fields.span('data');
    // One level and a few values are the result's own.
    const written = span === undefined ? undefined : text.slice(span.start, span.end);
    if (written !== undefined) Wire.read(`{"content":[[0,0,0,0,0,0]],"structuredContent":{"data":${written}}}`);
    return written;
  } catch {
    return undefined;
  }
}

/** Messages with where they belong, and the code that many servers say in `extensions`. */
function errorsText(errors: Json | undefined): string | undefined {
  if (!isArray(errors) || errors.length === 0) return undefined;
  const lines = errors.slice(0, ERRORS).map((error) => {
    if (!isObject(error)) return '- an error that says nothing';
    const { message, path, extensions } = error;
    const code = isObject(extensions) && typeof extensions.code === 'string' ? ` (${extensions.code})` : '';
    const at = isArray(path) ? ` at ${path.slice(0, 32).map(String).join('.')}` : '';
    return `- ${typeof message === 'string' ? message : 'an error without a message'}${at}${code}`;
  });
  const more = errors.length > ERRORS ? `\n- and ${errors.length - ERRORS} more` : '';
  return `The API says:\n${lines.join('\n').slice(0, SHOWN)}${more}`;
}

function refusal({ status, headers }: Response, text: string): JsonObject {
  const wait = headers.get('retry-after');
  const about = [`The API answered ${status}`, ...(wait === null ? [] : [`and asks to wait: ${wait.slice(0, 64)}`])].join(' ');
  const shown = text.slice(0, REFUSAL);
  return failed(shown.trim() === '' ? `${about}, with nothing.` : `${about}, with what is no GraphQL answer:\n\n${shown}`);
}
