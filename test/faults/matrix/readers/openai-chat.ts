import { eventsOf } from './events.ts';
import { fieldsOf, listOf, MAX_TOKENS, Notes, PROMPT, type Reader, textOf } from './reading.ts';

/** https://platform.openai.com/docs/api-reference/chat. `usage`: whether the caller asks for the chunk with usage. */
export const openaiChat = (usage: boolean): Reader => ({
  dialect: 'openai-chat',
  request: (model, stream) => ({
    path: '/v1/chat/completions',
    body: {
      ...{ model, max_tokens: MAX_TOKENS, messages: [{ role: 'user', content: PROMPT }] },
      ...(stream ? { stream } : {}),
      ...(stream && usage ? { stream_options: { include_usage: true } } : {}),
    },
  }),
  streamType: 'text/event-stream',
  stream: (bytes) => stream(bytes, usage),
  whole,
  refusal,
});

function stream(bytes: Buffer, usage: boolean) {
  const notes = new Notes();
  const ids = new Set<unknown>();
  let finishes = 0;
  let usages = 0;
  for (const [at, { name, data, fields }] of eventsOf(bytes, notes).entries()) {
    notes.must(name === undefined, `a named event: ${name}`);
    notes.must(!notes.done && notes.errors.length === 0, `something behind the end: ${data}`);
    if (data === '[DONE]') {
      notes.done = true;
      continue;
    }
    if (fields.error !== undefined) {
      const error = fieldsOf(fields.error);
      notes.must(textOf(error.type) !== '', 'an error without a type');
      notes.error(error.code ?? error.type, error.message);
      continue;
    }
    notes.must(fields.object === 'chat.completion.chunk', `an object that is no chunk: ${String(fields.object)}`);
    ids.add(fields.id);
    const [choice] = listOf(fields.choices).map(fieldsOf);
    if (choice === undefined) {
      usages += 1;
      notes.must(fieldsOf(fields.usage).completion_tokens !== undefined, 'neither a choice nor usage');
      continue;
    }
    const delta = fieldsOf(choice.delta);
    if (at === 0) notes.must(delta.role === 'assistant', 'the first chunk has no role');
    notes.must(finishes === 0 || textOf(delta.content) === '', 'content behind the finish');
    notes.text += textOf(delta.content);
    if (choice.finish_reason === 'stop') finishes += 1;
    else notes.must(choice.finish_reason === null || choice.finish_reason === undefined, `finished by ${String(choice.finish_reason)}`);
  }
  notes.must(ids.size === 1 || (ids.size === 0 && notes.errors.length > 0), `${ids.size} ids in one answer`);
  if (notes.done) notes.must(finishes === 1, `${finishes} reasons to finish`);
  if (!usage) notes.must(usages === 0, 'usage that nobody asked for');
  return notes.reading;
}

function whole(body: unknown) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  const [choice] = listOf(fields.choices).map(fieldsOf);
  const message = fieldsOf(choice?.message);
  notes.must(fields.object === 'chat.completion' && textOf(fields.id) !== '', 'no completion');
  notes.must(message.role === 'assistant' && choice?.finish_reason === 'stop', 'no message that was finished');
  notes.text = textOf(message.content);
  notes.done = true;
  return notes.reading;
}

export function refusal(body: unknown) {
  const notes = new Notes();
  const error = fieldsOf(fieldsOf(body).error);
  notes.must(textOf(error.type) !== '', 'an error without a type');
  notes.must('param' in error, 'an error without a param');
  notes.error(error.code, error.message);
  return notes.reading;
}
