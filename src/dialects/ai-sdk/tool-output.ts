import type { Part } from '../../core/chat.ts';
import { requiredObject, requiredString } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { extraOf, ID } from './fields.ts';
import { fileOf, readMedia, writeMedia } from './media.ts';
import { readPartOptions } from './part-options.ts';

export interface ToolOutput {
  readonly content: readonly Part[];
  readonly isError?: boolean;
}

/** What a tool answered. The forms: a text, JSON, either of them as an error, a refusal by the user, or several parts. */
export function readOutput(value: Json | undefined, at: string): ToolOutput {
  const output = requiredObject(value, at);
  switch (output.type) {
    case 'content':
      return { content: isArray(output.value) ? output.value.map((item, index) => readItem(item, `${at}.value[${index}]`)) : [] };
    case 'error-text':
    case 'error-json':
      return { content: [text(textOfOutput(output))], isError: true };
    default:
      return { content: [text(textOfOutput(output))] };
  }
}

const text = (value: string): Part => ({ type: 'text', text: value });

/** The text that stands for an output in dialects that have nothing else. */
export function textOfOutput({ type, value, reason }: JsonObject): string {
  if (type === 'execution-denied') return asString(reason) ?? 'The user did not allow this tool to run.';
  return typeof value === 'string' && type !== 'json' && type !== 'error-json' ? value : JSON.stringify(value ?? null);
}

function readItem(value: Json, at: string): Part {
  const item = requiredObject(value, at);
  const { left, cache, detail } = readPartOptions(item.providerOptions, `${at}.providerOptions`);
  const kept = { ...(cache !== undefined && { cache }), ...extraOf(left === undefined ? undefined : { providerOptions: left }) };
  if (item.type === 'text') return { type: 'text', text: requiredString(item.text, `${at}.text`), ...kept };
  const file = fileOf(item);
  if (file === undefined) return { type: 'raw', dialect: ID, value: item };
  const media = readMedia(file, at);
  if (media.type === 'audio') return media;
  return media.type === 'image' ? { ...media, ...(detail !== undefined && { detail }), ...kept } : { ...media, ...kept };
}

/** A single text is said as one; `isError` in the form's own word where it has one, and as an option of the part elsewhere. */
export function writeOutput({ content, isError }: ToolOutput, loss: Set<string>): { readonly output: JsonObject; readonly said: boolean } {
  const [first] = content;
  const isText = content.length === 1 && first?.type === 'text' && first.cache === undefined && first.extra === undefined;
  if (isText) return { output: { type: isError === true ? 'error-text' : 'text', value: first.text }, said: isError !== false };
  return { output: { type: 'content', value: content.flatMap((part) => writeItem(part, loss)) }, said: isError === undefined };
}

function writeItem(part: Part, loss: Set<string>): readonly JsonObject[] {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  if ('extra' in part && part.extra !== undefined) loss.add('messages.content.providerOptions');
  switch (part.type) {
    case 'text':
      return [{ type: 'text', text: part.text }];
    case 'image':
      if (part.detail !== undefined) loss.add('messages.content.image_url.detail');
      return [writeMedia(part)];
    case 'file':
    case 'audio':
      return [writeMedia(part)];
    default:
      if (part.type === 'raw' && part.dialect === ID && isObject(part.value)) return [part.value];
      loss.add(`messages.content.${part.type}`);
      return [];
  }
}
