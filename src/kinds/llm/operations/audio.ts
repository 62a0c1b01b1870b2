import type { JsonObject } from '../../../core/json.ts';
import { editFields, modelHead, type Operation } from './operation.ts';
import { readUsage } from './usage.ts';

/** https://platform.openai.com/docs/api-reference/audio/createSpeech: bytes of audio, or events with `stream_format: "sse"`. */
export const speech: Operation = {
  name: 'speech',
  path: 'audio/speech',
  shape: 'openai',
  head: modelHead,
  texts: editFields(['input', 'instructions']),
  // Most models are paid by the character, and an answer of audio says nothing.
  asked: ({ input }) => ({ characters: typeof input === 'string' ? [...input].length : 0 }),
  usage: readUsage,
};

/** The length of the audio, which `verbose_json` tells beside or instead of usage. */
function heard(reply: JsonObject) {
  const usage = readUsage(reply);
  const seconds = Number(reply.duration);
  if (usage?.seconds !== undefined || reply.duration === undefined || !(seconds >= 0 && seconds < 1e9)) return usage;
  return { input: 0, output: 0, ...usage, seconds };
}

/**
 * The text; what was edited there would still stand in the segments and words of the verbose forms, cut at other places,
 * so they go.
 */
function transcriptTexts(reply: JsonObject, edit: (text: string) => string): JsonObject {
  if (typeof reply.text !== 'string') return reply;
  const text = edit(reply.text);
  if (text === reply.text) return reply;
  const { segments: _segments, words: _words, ...rest } = reply;
  return { ...rest, text };
}

/** https://platform.openai.com/docs/api-reference/audio/createTranscription */
export const transcription: Operation = {
  name: 'transcription',
  path: 'audio/transcriptions',
  shape: 'openai',
  formTexts: ['prompt'],
  head: modelHead,
  texts: editFields(['prompt']),
  usage: heard,
  replyTexts: transcriptTexts,
};

/** Into English: https://platform.openai.com/docs/api-reference/audio/createTranslation */
export const audioTranslation: Operation = {
  name: 'audio-translation',
  path: 'audio/translations',
  shape: 'openai',
  formTexts: ['prompt'],
  head: modelHead,
  texts: editFields(['prompt']),
  usage: heard,
  replyTexts: transcriptTexts,
};
