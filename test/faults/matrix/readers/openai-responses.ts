import { eventsOf } from './events.ts';
import { refusal } from './openai-chat.ts';
import { fieldsOf, listOf, MAX_TOKENS, Notes, PROMPT, type Reader, textOf } from './reading.ts';

/** https://platform.openai.com/docs/api-reference/responses */
export const openaiResponses: Reader = {
  dialect: 'openai-responses',
  request: (model, stream) => ({
    path: '/v1/responses',
    body: { model, input: PROMPT, max_output_tokens: MAX_TOKENS, store: false, ...(stream ? { stream } : {}) },
  }),
  streamType: 'text/event-stream',
  stream,
  whole,
  refusal,
};

function stream(bytes: Buffer) {
  const notes = new Notes();
  const ids = new Set<unknown>();
  let number = -1;
  let failed = false;
  let declared: string | undefined;
  for (const [at, { name, fields }] of eventsOf(bytes, notes).entries()) {
    const type = textOf(fields.type);
    notes.must(name === type, `event ${name} is of type ${type}`);
    notes.must(!notes.done && !failed && (notes.errors.length === 0 || type === 'response.failed'), `${type} behind the end`);
    notes.must(Number(fields.sequence_number) > number, `${type} is number ${String(fields.sequence_number)} after ${number}`);
    number = Number(fields.sequence_number);
    if (at === 0 && type !== 'error') notes.must(type === 'response.created', `begins with ${type}`);
    const response = fieldsOf(fields.response);
    if (response.id !== undefined && type !== 'response.failed') ids.add(response.id);
    switch (type) {
      case 'error':
        notes.error(fields.code, fields.message);
        break;
      case 'response.failed': {
        failed = true;
        const error = fieldsOf(response.error);
        // What an event before it has said is said again here, and is one error.
        if (notes.errors.length === 0) notes.error(error.code, error.message);
        notes.must(response.status === 'failed', 'failed, and its status is another');
        break;
      }
      case 'response.output_text.delta':
        notes.text += textOf(fields.delta);
        break;
      case 'response.output_text.done':
        notes.must(fields.text === notes.text, 'the text at its end is not the text that came');
        break;
      case 'response.completed':
        notes.done = true;
        declared = outputOf(response);
        notes.must(response.status === 'completed', 'completed, and its status is another');
        break;
      default:
        notes.must(type.startsWith('response.'), `an event of type ${type}`);
    }
  }
  notes.must(ids.size <= 1, `${ids.size} ids in one answer`);
  if (notes.done) notes.must(declared === notes.text, 'the response at the end is not what came');
  return notes.reading;
}

const outputOf = (response: { readonly [field: string]: unknown }): string =>
  listOf(response.output)
    .flatMap((item) => listOf(fieldsOf(item).content))
    .map((part) => textOf(fieldsOf(part).text))
    .join('');

function whole(body: unknown) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  notes.must(fields.object === 'response' && textOf(fields.id).startsWith('resp_'), 'no response');
  notes.must(fields.status === 'completed' && (fields.error ?? null) === null, 'not completed');
  notes.text = outputOf(fields);
  notes.done = true;
  return notes.reading;
}
