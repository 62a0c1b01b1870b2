import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A vendor with several accounts, known by their keys: what one of them has sealed another cannot open. */
export interface AccountsVendor {
  readonly origin: string;
  /** The accounts that were asked, in order. */
  readonly asked: string[];
  /** Accounts that refuse, with this status. */
  readonly refusing: Map<string, number>;
  close(): Promise<void>;
}

interface Item {
  readonly type?: string;
  readonly encrypted_content?: string;
}

/** Answers Chat Completions and Responses with the name of the account. Source of the refusal: platform.openai.com, "Error codes". */
export async function startAccountsVendor(): Promise<AccountsVendor> {
  const asked: string[] = [];
  const refusing = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const account = (request.headers.authorization ?? '').replace('Bearer ', '');
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = JSON.parse(Buffer.concat(pieces).toString()) as { readonly model: string; readonly input?: readonly Item[] | string };
    asked.push(account);
    const answer = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const refused = refusing.get(account);
    if (refused !== undefined) return answer(refused, { error: { message: `no: ${account}`, type: 'refused' } });
    if (request.url?.endsWith('/chat/completions') === true) return answer(200, chat(body.model, account));
    const sealed = typeof body.input === 'string' ? [] : (body.input ?? []).filter(({ type }) => type === 'reasoning');
    const isForeign = sealed.some(({ encrypted_content }) => encrypted_content !== `sealed by ${account}`);
    if (!isForeign) return answer(200, answered(body.model, account));
    const error = {
      message: 'The encrypted content could not be verified.',
      type: 'invalid_request_error',
      code: 'invalid_encrypted_content',
    };
    return answer(400, { error });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    refusing,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const chat = (model: string, account: string) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model,
  choices: [{ index: 0, message: { role: 'assistant', content: account }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
});

let numbers = 0;

const answered = (model: string, account: string) => ({
  id: `resp_${++numbers}`,
  object: 'response',
  created_at: 1,
  status: 'completed',
  model,
  output: [
    { type: 'reasoning', id: `rs_${numbers}`, summary: [], encrypted_content: `sealed by ${account}` },
    {
      type: 'message',
      id: `msg_${numbers}`,
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: account, annotations: [] }],
    },
  ],
  usage: { input_tokens: 3, output_tokens: 1, total_tokens: 4 },
});
