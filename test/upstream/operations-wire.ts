import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/** One request as the vendor saw it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  model: string;
  json: { readonly [field: string]: unknown };
  form: FormData;
  body: Buffer;
  /** The caller broke off before its request was whole. */
  brokeOff: boolean;
}

/** A vector that says which text it belongs to. Its numbers are exact in 32 bits. */
export const vectorOf = (text: string, size = 4): number[] => [text.length, text.codePointAt(0) ?? 0, 0.5, -1].slice(0, size);

export const AUDIO = Buffer.from(Array.from({ length: 200_000 }, (_, at) => (at * 7) % 256));
export const PICTURE = Buffer.from('picture bytes').toString('base64');

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [String(value)]);
const json = (response: ServerResponse, body: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};
const base64 = (vector: readonly number[]) => Buffer.from(new Float32Array(vector).buffer).toString('base64');
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Answer = (asked: Asked, response: ServerResponse, matched: RegExpExecArray) => void | Promise<void>;

function openaiEmbeddings({ json: body, model }: Asked, response: ServerResponse): void {
  const wants64 = body.encoding_format === 'base64' && !model.includes('floats-only');
  const data = texts(body.input).map((text, index) => {
    const vector = vectorOf(text, typeof body.dimensions === 'number' ? body.dimensions : 4);
    return { object: 'embedding', index, embedding: wants64 ? base64(vector) : vector };
  });
  const usage = model.includes('no-usage') ? {} : { usage: { prompt_tokens: 7, total_tokens: 7 } };
  json(response, { object: 'list', data: model.includes('shuffled') ? data.toReversed() : data, model, ...usage });
}

async function speech({ model, json: body }: Asked, response: ServerResponse): Promise<void> {
  if (body.stream_format === 'sse') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify({ type: 'speech.audio.delta', audio: AUDIO.subarray(0, 300).toString('base64') })}\n\n`);
    if (model.includes('die')) {
      await sleep(20);
      response.socket?.resetAndDestroy();
      return;
    }
    const usage = { input_tokens: 14, output_tokens: 101, total_tokens: 115 };
    response.end(`data: ${JSON.stringify({ type: 'speech.audio.done', usage })}\n\n`);
    return;
  }
  response.writeHead(200, { 'content-type': 'audio/mpeg', ...(model.includes('sized') ? { 'content-length': AUDIO.length } : {}) });
  response.write(AUDIO.subarray(0, 100_000));
  await sleep(20);
  if (model.includes('die')) response.socket?.resetAndDestroy();
  else if (model.includes('stall')) await sleep(10_000);
  else response.end(AUDIO.subarray(100_000));
}

async function transcription({ form, model }: Asked, response: ServerResponse): Promise<void> {
  const file = form.get('file');
  const size = file instanceof File ? file.size : 0;
  const name = file instanceof File ? file.name : '';
  const text = `${size} bytes of ${name} by Ada Lovelace`;
  switch (form.get('response_format')) {
    case 'srt':
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`1\n00:00:00,000 --> 00:00:01,000\n${text}\n`);
      return;
    case 'verbose_json':
      return json(response, { task: 'transcribe', duration: 3.5, text, segments: [{ id: 0, text }], words: [{ word: 'Ada' }] });
    default:
  }
  if (form.get('stream') === 'true') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify({ type: 'transcript.text.delta', delta: text })}\n\n`);
    const usage = { type: 'tokens', input_tokens: 20, output_tokens: 9, total_tokens: 29, input_token_details: { audio_tokens: 18 } };
    response.end(`data: ${JSON.stringify({ type: 'transcript.text.done', text, usage })}\n\n`);
    return;
  }
  json(response, {
    text,
    usage: model.includes('whisper') ? { type: 'duration', seconds: 4 } : { type: 'tokens', input_tokens: 20, output_tokens: 9 },
  });
}

async function images({ json: body, form }: Asked, response: ServerResponse): Promise<void> {
  const usage = { input_tokens: 12, output_tokens: 272, total_tokens: 284, input_tokens_details: { text_tokens: 12, image_tokens: 0 } };
  if (body.stream === true) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // A partial picture of three megabytes, as high resolutions have them.
    const large = 'A'.repeat(3 * 1024 * 1024);
    response.write(
      `event: image_generation.partial_image\ndata: ${JSON.stringify({ type: 'image_generation.partial_image', b64_json: large })}\n\n`,
    );
    response.end(
      `event: image_generation.completed\ndata: ${JSON.stringify({ type: 'image_generation.completed', b64_json: PICTURE, usage })}\n\n`,
    );
    return;
  }
  const count = Number(body.n ?? form.get('n') ?? 1);
  json(response, { created: 1, data: Array.from({ length: count }, () => ({ b64_json: PICTURE })), usage });
}

const score = (query: string, document: string) => (document.includes(query) ? 0.9 : 0.1);
const ranked = ({ json: body }: Asked) =>
  texts(body.documents)
    .map((document, index) => ({ index, relevance_score: score(String(body.query), document) }))
    .toSorted((a, b) => b.relevance_score - a.relevance_score);

const answers: readonly (readonly [path: RegExp, answer: Answer])[] = [
  [/^\/v1\/embeddings$/, openaiEmbeddings],
  [
    /^\/v1beta\/models\/(.+):batchEmbedContents$/,
    ({ json: body }, response) => {
      const requests = body.requests as { model: string; content: { parts: { text: string }[] }; outputDimensionality?: number }[];
      const embeddings = requests.map(({ content, outputDimensionality }) => ({
        values: vectorOf(content.parts.map(({ text }) => text).join('\n'), outputDimensionality),
      }));
      json(response, { embeddings, usageMetadata: { promptTokenCount: 5 } });
    },
  ],
  [
    /^\/v2\/embed$/,
    ({ json: body }, response) => {
      if (body.input_type === undefined) return json(response, { message: 'invalid request: valid input_type must be provided' }, 400);
      const float = texts(body.texts).map((text) => vectorOf(text, Number(body.output_dimension ?? 4)));
      json(response, { id: 'e1', embeddings: { float }, texts: body.texts, meta: { billed_units: { input_tokens: 3 } } });
    },
  ],
  [
    /^\/api\/embed$/,
    ({ json: body, model }, response) =>
      json(response, { model, embeddings: texts(body.input).map((text) => vectorOf(text)), prompt_eval_count: 6 }),
  ],
  [
    /^\/model\/([^/]+)\/invoke$/,
    ({ json: body }, response) => {
      if (body.documents !== undefined) return json(response, { results: ranked({ json: body } as Asked) });
      json(response, { embedding: vectorOf(String(body.inputText)), inputTextTokenCount: 2 });
    },
  ],
  [
    /^\/v1\/moderations$/,
    (_asked, response) => json(response, { id: 'modr-1', model: 'omni-moderation-latest', results: [{ flagged: false }] }),
  ],
  [/^\/v1\/images\/(?:generations|edits|variations)$/, images],
  [/^\/v1\/audio\/speech$/, speech],
  [/^\/v1\/audio\/(?:transcriptions|translations)$/, transcription],
  [
    /^\/v2\/rerank$/,
    (asked, response) => json(response, { id: 'r1', results: ranked(asked), meta: { billed_units: { search_units: 1 } } }),
  ],
  [
    /^\/v1\/rerank$/,
    (asked, response) =>
      asked.json.top_k !== undefined || asked.model.includes('voyage')
        ? json(response, { object: 'list', data: ranked(asked), model: asked.model, usage: { total_tokens: 26 } })
        : json(response, { model: asked.model, results: ranked(asked), usage: { total_tokens: 26 } }),
  ],
];

export async function answerOperation(asked: Asked, response: ServerResponse): Promise<void> {
  const status = /status-(\d+)/.exec(asked.model)?.[1];
  if (status !== undefined) return json(response, { error: { message: `scripted ${status}`, type: 'server_error' } }, Number(status));
  if (asked.model.includes('html')) {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html>captive portal canary-html</html>');
    return;
  }
  for (const [path, answer] of answers) {
    const matched = path.exec(asked.path);
    if (matched !== null) return answer(asked, response, matched);
  }
  json(response, { error: { message: `no such path ${asked.path}` } }, 404);
}
