import { eventsOf } from './events.ts';
import { fieldsOf, listOf, MAX_TOKENS, Notes, PROMPT, type Reader, textOf } from './reading.ts';

/** https://platform.claude.com/docs/en/api/messages-streaming */
export const anthropic: Reader = {
  dialect: 'anthropic',
  request: (model, stream) => ({
    path: '/v1/messages',
    body: { model, max_tokens: MAX_TOKENS, messages: [{ role: 'user', content: PROMPT }], ...(stream ? { stream } : {}) },
  }),
  streamType: 'text/event-stream',
  stream,
  whole,
  refusal,
};

function stream(bytes: Buffer) {
  const notes = new Notes();
  let open: unknown;
  let begun = false;
  let stopped = false;
  for (const { name, data, fields } of eventsOf(bytes, notes)) {
    const type = textOf(fields.type);
    notes.must(name === type, `event ${name} is of type ${type}`);
    notes.must(!notes.done && notes.errors.length === 0, `something behind the end: ${data}`);
    notes.must(begun || type === 'message_start' || type === 'error' || type === 'ping', `begins with ${type}`);
    switch (type) {
      case 'ping':
        break;
      case 'message_start':
        notes.must(!begun, 'begins twice');
        notes.must(textOf(fieldsOf(fields.message).id) !== '' && fieldsOf(fields.message).role === 'assistant', 'no message begins');
        begun = true;
        break;
      case 'content_block_start':
        notes.must(open === undefined && !stopped, 'a block within a block');
        open = fields.index;
        break;
      case 'content_block_delta': {
        const delta = fieldsOf(fields.delta);
        notes.must(open === fields.index && delta.type === 'text_delta', `a delta of ${String(fields.index)} in ${String(open)}`);
        notes.text += textOf(delta.text);
        break;
      }
      case 'content_block_stop':
        notes.must(open === fields.index, 'another block ends');
        open = undefined;
        break;
      case 'message_delta':
        if (fieldsOf(fields.delta).stop_reason === 'end_turn') stopped = true;
        break;
      case 'message_stop':
        notes.must(stopped && open === undefined, 'ends without a reason, or within a block');
        notes.done = true;
        break;
      case 'error':
        told(fields.error, notes);
        break;
      default:
        notes.problems.push(`an event of type ${type}`);
    }
  }
  return notes.reading;
}

/** The vendor's own errors have a type and no code. */
function told(value: unknown, notes: Notes): void {
  const error = fieldsOf(value);
  notes.must(/_error$|^request_too_large$/.test(textOf(error.type)), `an error of type ${String(error.type)}`);
  notes.error(error.code ?? error.type, error.message);
}

function whole(body: unknown) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  notes.must(fields.type === 'message' && fields.role === 'assistant' && fields.stop_reason === 'end_turn', 'no message that was finished');
  notes.text = listOf(fields.content)
    .map((block) => textOf(fieldsOf(block).text))
    .join('');
  notes.done = true;
  return notes.reading;
}

function refusal(body: unknown) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  notes.must(fields.type === 'error', `of type ${String(fields.type)}`);
  told(fields.error, notes);
  return notes.reading;
}
