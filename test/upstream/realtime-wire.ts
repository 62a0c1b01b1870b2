import type { Server } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Asked } from './operations-wire.ts';

/** A realtime vendor: greets, answers `response.create` with events and usage, echoes binary frames. */
export function serveRealtime(server: Server, note: (asked: Asked) => void): void {
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => (offered.has('realtime') ? 'realtime' : false) });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', 'http://upstream');
    const model = url.searchParams.get('model') ?? '';
    note({
      method: 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      model,
      json: {},
      form: new FormData(),
      body: Buffer.alloc(0),
      brokeOff: false,
    });
    if (model.includes('refused')) {
      const body = '{"error":{"message":"bad key canary-up-detail"}}';
      socket.end(`HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => talk(client, model));
  });
}

function talk(client: WebSocket, model: string): void {
  const say = (event: object) => client.send(JSON.stringify(event));
  say({ type: 'session.created', event_id: 'e1', session: { model } });
  let responses = 0;
  client.on('message', (data, isBinary) => {
    if (isBinary) {
      client.send(data, { binary: true });
      return;
    }
    const event = JSON.parse(String(data)) as { type: string };
    if (event.type === 'die') return client.terminate();
    if (event.type === 'bye') return client.close(4001, 'as asked');
    if (event.type === 'input_audio_buffer.append' && model.includes('vad')) return answer();
    if (event.type !== 'response.create') return say({ type: 'echo', event });
    answer();
  });
  /** One response, whose events say so and what it came to; `unfinished` ones stop in their middle. */
  const answer = () => {
    const id = `resp_${++responses}`;
    say({ type: 'response.created', response: { id } });
    say({ type: 'response.output_text.delta', response_id: id, delta: 'Hi' });
    if (model.includes('unfinished')) {
      // Two seconds of 24 kHz and 16 bits.
      say({ type: 'response.output_audio.delta', response_id: id, delta: 'A'.repeat(128_000) });
      return;
    }
    const done = (output: number) =>
      say({
        type: 'response.done',
        response: { id, usage: { input_tokens: 10, output_tokens: output, input_token_details: { audio_tokens: 4 } } },
      });
    // The same response once more: the last word counts. Where a session ends between the two, nobody hears it.
    if (!model.includes('ends')) done(1);
    done(5);
  };
}
