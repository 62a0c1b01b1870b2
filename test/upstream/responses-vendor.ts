import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

// biome-ignore lint/suspicious/noExplicitAny: bodies are looked into as they came.
type Body = any;

export interface ResponsesVendor {
  readonly origin: string;
  /** `POST /v1/responses`, in order. */
  readonly calls: readonly Body[];
  /** Method and path of every other request. */
  readonly others: readonly string[];
  close(): Promise<void>;
}

/**
 * A vendor of the Responses API with an account named by `account`: it keeps its responses, and refuses encrypted
 * reasoning that another account sealed, as OpenAI does.
 */
export async function startResponsesVendor(account: string): Promise<ResponsesVendor> {
  const calls: Body[] = [];
  const others: string[] = [];
  const kept = new Map<string, Body>();
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await text(request)) || '{}') as Body;
    const { pathname } = new URL(request.url ?? '/', 'http://vendor');
    const json = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.method !== 'POST' || pathname !== '/v1/responses') {
      others.push(`${request.method} ${request.url}`);
      const id = pathname.split('/')[3] ?? '';
      if (request.method === 'DELETE') return json(200, { id, object: 'response', deleted: kept.delete(id) });
      const found = kept.get(id);
      return found === undefined ? json(404, { error: { message: 'not found', type: 'invalid_request_error' } }) : json(200, found);
    }
    calls.push(body);
    const foreign =
      Array.isArray(body.input) && body.input.some((item: Body) => item.encrypted_content?.startsWith(`${account}:`) === false);
    if (foreign) {
      const message = 'The encrypted content for item rs_1 could not be verified.';
      return json(400, { error: { message, type: 'invalid_request_error', code: 'invalid_encrypted_content', param: null } });
    }
    const answer = answerTo(body, `resp_${account}_${calls.length}`, account);
    kept.set(answer.id, answer);
    if (!body.stream) return json(200, answer);
    const event = (value: Body) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
    const message = answer.output.at(-1);
    const at = { item_id: message.id, output_index: 1, content_index: 0 };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(event({ type: 'response.created', response: { ...answer, status: 'in_progress', output: [] } }));
    response.write(event({ type: 'response.output_item.added', output_index: 0, item: answer.output[0] }));
    response.write(event({ type: 'response.output_item.done', output_index: 0, item: answer.output[0] }));
    response.write(event({ type: 'response.output_item.added', output_index: 1, item: { ...message, content: [] } }));
    response.write(event({ type: 'response.content_part.added', ...at, part: { type: 'output_text', text: '', annotations: [] } }));
    response.write(event({ type: 'response.output_text.delta', ...at, delta: message.content[0].text }));
    response.write(event({ type: 'response.output_item.done', output_index: 1, item: message }));
    response.end(event({ type: 'response.completed', response: answer }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    others,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answerTo(body: Body, id: string, account: string): Body {
  const text = `answer of ${account}`;
  return {
    id,
    object: 'response',
    created_at: 1_795_000_000,
    status: 'completed',
    model: body.model,
    error: null,
    previous_response_id: body.previous_response_id ?? null,
    output: [
      { id: `rs_${id}`, type: 'reasoning', summary: [], encrypted_content: `${account}:sealed` },
      {
        id: `msg_${id}`,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    usage: {
      input_tokens: 4,
      output_tokens: 2,
      total_tokens: 6,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 1 },
    },
  };
}

async function text(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString();
}
