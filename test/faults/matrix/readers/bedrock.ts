import { EventStreamCodec } from '@smithy/eventstream-codec';
import { fieldsOf, type Headers, listOf, MAX_TOKENS, Notes, PROMPT, type Reader, textOf } from './reading.ts';

/** https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html */
export const bedrock: Reader = {
  dialect: 'bedrock',
  request: (model, stream) => ({
    path: `/model/${encodeURIComponent(model)}/${stream ? 'converse-stream' : 'converse'}`,
    body: { messages: [{ role: 'user', content: [{ text: PROMPT }] }], inferenceConfig: { maxTokens: MAX_TOKENS } },
  }),
  streamType: 'application/vnd.amazon.eventstream',
  stream,
  whole,
  refusal,
};

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()),
  (text) => Buffer.from(text),
);

/** Decoded by AWS's own codec, which checks both checksums of every message. */
function stream(bytes: Buffer) {
  const notes = new Notes();
  let begun = false;
  let stopped = false;
  for (let at = 0; at < bytes.length; ) {
    const length = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : 0;
    if (length < 16 || at + length > bytes.length) {
      notes.problems.push(`unfinished at the end: ${bytes.length - at} bytes`);
      break;
    }
    const message = codec.decode(bytes.subarray(at, at + length));
    at += length;
    const head = (name: string) => textOf(message.headers[name]?.value);
    const fields = fieldsOf(JSON.parse(Buffer.from(message.body).toString()));
    notes.must(notes.errors.length === 0, 'something behind the end');
    if (head(':message-type') === 'exception') {
      notes.error(fields.weirCode ?? head(':exception-type'), fields.message);
      notes.must(/^[a-zA-Z]+Exception$/.test(head(':exception-type')), `an exception of type ${head(':exception-type')}`);
      continue;
    }
    const type = head(':event-type');
    notes.must(begun || type === 'messageStart', `begins with ${type}`);
    begun = true;
    if (type === 'contentBlockDelta') {
      notes.must(!stopped, 'content behind the end');
      notes.text += textOf(fieldsOf(fields.delta).text);
    } else if (type === 'messageStop') {
      stopped = fields.stopReason === 'end_turn';
      notes.done = stopped;
    } else if (type === 'metadata') notes.must(stopped, 'metadata before the end');
    else notes.must(/^(?:messageStart|contentBlockStart|contentBlockStop)$/.test(type), `an event of type ${type}`);
  }
  return notes.reading;
}

function whole(body: unknown) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  const message = fieldsOf(fieldsOf(fields.output).message);
  notes.must(message.role === 'assistant' && fields.stopReason === 'end_turn', 'no message that was finished');
  notes.text = listOf(message.content)
    .map((block) => textOf(fieldsOf(block).text))
    .join('');
  notes.done = true;
  return notes.reading;
}

function refusal(body: unknown, headers: Headers) {
  const notes = new Notes();
  const fields = fieldsOf(body);
  notes.must(/^[A-Za-z]+Exception$/.test(textOf(headers['x-amzn-errortype'])), 'the head names no exception');
  notes.error(fields.weirCode ?? fields.__type, fields.message);
  return notes.reading;
}
