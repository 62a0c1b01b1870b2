import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A vendor whose answers are about what it is asked. */
export interface AnsweringUpstream {
  readonly origin: string;
  /** The last text of each call, in order. */
  readonly asked: string[];
  /** What is said to a question instead of the usual. */
  readonly says: Map<string, string>;
  /** What becomes of calls for embeddings: answered, never answered, or refused. */
  embeddings: 'answered' | 'silent' | 'refused';
  close(): Promise<void>;
}

interface Body {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages?: readonly { readonly content: string | readonly { readonly text?: string }[] }[];
  readonly input?: string | readonly string[];
}

/** Speaks OpenAI's chat completions, whole and as a stream of words, and embeddings. */
export async function startAnswering(): Promise<AnsweringUpstream> {
  const upstream = { asked: [] as string[], says: new Map<string, string>(), embeddings: 'answered' as AnsweringUpstream['embeddings'] };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const body = JSON.parse(text) as Body;
      if (request.url?.endsWith('/embeddings')) return embed(body, upstream.embeddings, response);
      const question = questionOf(body);
      upstream.asked.push(question);
      answer(upstream.says.get(question) ?? `This is what is known of it: ${question}`, body, response);
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(upstream, {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function questionOf({ messages = [] }: Body): string {
  const content = messages.at(-1)?.content ?? '';
  return typeof content === 'string' ? content : content.map(({ text = '' }) => text).join('');
}

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const json = (response: ServerResponse, status: number, value: object) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

function answer(text: string, { model, stream }: Body, response: ServerResponse): void {
  const about = { id: 'chatcmpl-1', created: 1, model };
  if (stream !== true) {
    const choices = [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: text } }];
    json(response, 200, { ...about, object: 'chat.completion', choices, usage });
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const frame = (value: object) => response.write(`data: ${JSON.stringify({ ...about, object: 'chat.completion.chunk', ...value })}\n\n`);
  const choice = (delta: object, finish: string | null = null) => ({ choices: [{ index: 0, delta, finish_reason: finish }] });
  frame(choice({ role: 'assistant', content: '' }));
  for (const word of text.split(/(?= )/)) frame(choice({ content: word }));
  frame(choice({}, 'stop'));
  frame({ choices: [], usage });
  response.end('data: [DONE]\n\n');
}

/** Texts of the same letters point alike. */
function embed({ input = [], model }: Body, how: AnsweringUpstream['embeddings'], response: ServerResponse): void {
  if (how === 'silent') return;
  if (how === 'refused') return void json(response, 500, { error: { message: 'away' } });
  const data = [input].flat().map((text, index) => {
    const embedding = Array.from({ length: 32 }, () => 0);
    for (const letter of text.toLowerCase()) {
      const at = letter.charCodeAt(0) % 32;
      embedding[at] = (embedding[at] ?? 0) + 1;
    }
    return { object: 'embedding', index, embedding };
  });
  json(response, 200, { object: 'list', data, model, usage });
}
