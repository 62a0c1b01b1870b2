import { eventsOf } from './events.ts';
import { fieldsOf, listOf, MAX_TOKENS, Notes, PROMPT, type Reader, textOf } from './reading.ts';

/** https://ai.google.dev/api/generate-content */
export const gemini: Reader = {
  dialect: 'gemini',
  request: (model, stream) => ({
    path: `/v1beta/models/${encodeURIComponent(model)}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ role: 'user', parts: [{ text: PROMPT }] }], generationConfig: { maxOutputTokens: MAX_TOKENS } },
  }),
  streamType: 'text/event-stream',
  stream,
  whole,
  refusal,
};

function candidate(fields: { readonly [field: string]: unknown }, notes: Notes): void {
  const [first] = listOf(fields.candidates).map(fieldsOf);
  notes.text += listOf(fieldsOf(first?.content).parts)
    .map((part) => textOf(fieldsOf(part).text))
    .join('');
  if (first?.finishReason === undefined) return;
  notes.must(first.finishReason === 'STOP', `finished by ${String(first.finishReason)}`);
  notes.done = true;
}

/** A stream that was broken off stops behind a comment without its blank line: only so do all of Google's libraries see it. */
function stream(bytes: Buffer) {
  const notes = new Notes();
  const ids = new Set<unknown>();
  const events = eventsOf(bytes, notes, /^(?:: broken off\n)?$/);
  for (const { name, data, fields } of events) {
    notes.must(name === undefined, `a named event: ${name}`);
    notes.must(notes.errors.length === 0, `something behind the end: ${data}`);
    if (fields.error !== undefined) {
      told(fields.error, notes);
      continue;
    }
    notes.must(fields.candidates !== undefined || fields.usageMetadata !== undefined, `neither a candidate nor usage: ${data}`);
    if (fields.responseId !== undefined) ids.add(fields.responseId);
    candidate(fields, notes);
  }
  notes.must(ids.size <= 1, `${ids.size} ids in one answer`);
  return notes.reading;
}

function told(value: unknown, notes: Notes): void {
  const error = fieldsOf(value);
  notes.must(Number.isInteger(error.code) && /^[A-Z_]+$/.test(textOf(error.status)), `an error of ${String(error.status)}`);
  const reason = listOf(error.details)
    .map((detail) => fieldsOf(detail).reason)
    .find((each) => each !== undefined);
  notes.error(reason ?? error.status, error.message);
}

function whole(body: unknown) {
  const notes = new Notes();
  candidate(fieldsOf(body), notes);
  notes.must(notes.done, 'no candidate that was finished');
  return notes.reading;
}

function refusal(body: unknown) {
  const notes = new Notes();
  told(fieldsOf(body).error, notes);
  return notes.reading;
}
