// An OpenAI-compatible server over llama.cpp, in a process of its own: `node llama-server.mjs <node_modules> <model>`.
// Says its address on the first line of its output. `GET /journal` tells how every generation ended.
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { listening } from './scratch.mjs';

const [modules, modelPath] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(path.join(modules, 'node-llama-cpp', 'dist', 'index.js')).href);

// One thread: on a busy machine more of them spin on one another.
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1 });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ threads: 1, contextSize: 2048, sequences: 4 });

const journal = [];

/** Generates until the limit, the model's own end, or the caller's leaving; calls back with every piece of text. */
async function generate(body, signal, say) {
  const tokens = model.tokenize(body.messages.map(({ role, content }) => `${role}: ${textOf(content)}`).join('\n'));
  const limit = body.max_tokens ?? body.max_completion_tokens ?? 64;
  const sequence = context.getSequence();
  const entry = { prompt: tokens.length, generated: 0, ended: 'stop' };
  journal.push(entry);
  try {
    for await (const token of sequence.evaluate(tokens, { temperature: 1, topK: 40 })) {
      if (signal.aborted) {
        entry.ended = 'aborted';
        break;
      }
      if (model.isEogToken(token)) break;
      entry.generated++;
      say(model.detokenize([token]));
      if (entry.generated >= limit) {
        entry.ended = 'length';
        break;
      }
      // A real model takes its time for a token, and a caller's leaving must get a chance to be noticed.
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
  } finally {
    await sequence.dispose();
  }
  return {
    finish: entry.ended,
    usage: { prompt_tokens: entry.prompt, completion_tokens: entry.generated, total_tokens: entry.prompt + entry.generated },
  };
}

const textOf = (content) => (typeof content === 'string' ? content : content.map(({ text = '' }) => text).join(''));

async function complete(body, response) {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const base = { id: `chatcmpl-${journal.length}`, created: Math.floor(Date.now() / 1000), model: body.model };
  if (body.stream !== true) {
    let content = '';
    const { finish, usage } = await generate(body, left.signal, (text) => {
      content += text;
    });
    response.setHeader('content-type', 'application/json');
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }];
    response.end(JSON.stringify({ ...base, object: 'chat.completion', choices, usage }));
    return;
  }
  response.setHeader('content-type', 'text/event-stream');
  const chunk = (more) => response.write(`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', ...more })}\n\n`);
  const delta = (value, reason = null) => chunk({ choices: [{ index: 0, delta: value, finish_reason: reason }] });
  delta({ role: 'assistant', content: '' });
  const { finish, usage } = await generate(body, left.signal, (content) => delta({ content }));
  if (left.signal.aborted) return;
  delta({}, finish);
  if (body.stream_options?.include_usage) chunk({ choices: [], usage });
  response.end('data: [DONE]\n\n');
}

const server = createServer(async (request, response) => {
  if (request.url === '/journal') return void response.end(JSON.stringify(journal));
  if (request.method !== 'POST' || request.url !== '/v1/chat/completions') return void response.writeHead(404).end('{}');
  try {
    await complete(JSON.parse(Buffer.concat(await request.toArray()).toString()), response);
  } catch (error) {
    console.error(error);
    response.writeHead(500, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message: String(error) } }));
  }
});

console.log((await listening(server)).origin);
