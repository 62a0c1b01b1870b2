import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { gatewayWith, installed, KEY, steps, until } from './e2e/scratch.mjs';
import { tinyModel } from './e2e/tiny-gguf.mjs';

// `npm run e2e:model`: official SDKs through the gateway to a real inference engine, llama.cpp, on this machine. The model
// has random weights, so what it says has no sense; that it says it token by token is what counts. An extra: it installs
// the engine once, and is no part of `npm run check`.

const ENGINE = '3.22.1';

async function startEngine() {
  const packages = [`node-llama-cpp@${ENGINE}`, '--omit=optional', `@node-llama-cpp/${platformPackage()}@${ENGINE}`];
  const folder = await installed('model', packages);
  const model = path.join(folder, 'random.gguf');
  await writeFile(model, tinyModel());
  const script = path.join(import.meta.dirname, 'e2e', 'llama-server.mjs');
  const child = spawn(process.execPath, [script, path.join(folder, 'node_modules'), model], { stdio: ['ignore', 'pipe', 'inherit'] });
  const origin = await new Promise((resolve, reject) => {
    child.stdout.once('data', (line) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the engine ended with ${code}`)));
  });
  return { origin, stop: () => child.kill(), journal: async () => (await fetch(`${origin}/journal`)).json() };
}

/** Builds for a processor alone. */
function platformPackage() {
  const { platform, arch } = process;
  if (platform === 'darwin') return arch === 'arm64' ? 'mac-arm64-metal' : 'mac-x64';
  return `${platform === 'win32' ? 'win' : 'linux'}-${arch}`;
}

const messages = [{ role: 'user', content: 'Say something.' }];

async function main() {
  const engine = await startEngine();
  const gateway = await gatewayWith({
    // Chat Completions alone, so that the other dialect is translated.
    providers: { local: { like: 'llama-cpp', baseUrl: `${engine.origin}/v1`, dialects: ['openai-chat'] } },
  });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
  const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
  const model = 'local/random';
  try {
    await steps([
      ['openai, whole', () => openaiWhole(openai, model)],
      ['openai, streamed', () => openaiStreamed(openai, model)],
      ['@anthropic-ai/sdk, whole, translated', () => anthropicWhole(anthropic, model)],
      ['@anthropic-ai/sdk, streamed, translated', () => anthropicStreamed(anthropic, model)],
      ['the log has the usage that the engine counted', () => logged(gateway, engine)],
      ['a caller that leaves stops the engine', () => left(openai, model, gateway, engine)],
    ]);
  } finally {
    await gateway.stop();
    engine.stop();
  }
}

async function openaiWhole(openai, model) {
  const answer = await openai.chat.completions.create({ model, messages, max_tokens: 24 });
  assert.ok(answer.choices[0].message.content.trim().length > 0);
  assert.equal(answer.usage.completion_tokens, 24);
  assert.ok(answer.usage.prompt_tokens > 0);
  return JSON.stringify(answer.choices[0].message.content.slice(0, 40));
}

async function openaiStreamed(openai, model) {
  const stream = await openai.chat.completions.create({
    model,
    messages,
    max_tokens: 24,
    stream: true,
    stream_options: { include_usage: true },
  });
  const pieces = [];
  let usage;
  let finish;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) pieces.push(chunk.choices[0].delta.content);
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert.ok(pieces.length > 10 && pieces.join('').trim().length > 0, `${pieces.length} pieces`);
  assert.equal(finish, 'length');
  assert.ok(usage.prompt_tokens > 0);
  assert.equal(usage.completion_tokens, 24);
  return `${pieces.length} pieces`;
}

async function anthropicWhole(anthropic, model) {
  const answer = await anthropic.messages.create({ model, messages, max_tokens: 24 });
  assert.ok(answer.content[0].text.trim().length > 0);
  assert.equal(answer.stop_reason, 'max_tokens');
  assert.ok(answer.usage.input_tokens > 0);
  assert.equal(answer.usage.output_tokens, 24);
}

async function anthropicStreamed(anthropic, model) {
  const stream = anthropic.messages.stream({ model, messages, max_tokens: 24 });
  let pieces = 0;
  stream.on('text', () => pieces++);
  const answer = await stream.finalMessage();
  assert.ok(pieces > 10, `${pieces} pieces`);
  assert.ok(answer.content[0].text.trim().length > 0);
  assert.ok(answer.usage.input_tokens > 0);
  assert.equal(answer.usage.output_tokens, 24);
  return `${pieces} pieces`;
}

async function logged(gateway, engine) {
  const rows = await gateway.requests(4);
  const counted = (await engine.journal()).map(({ prompt, generated }) => ({ input: prompt, output: generated }));
  assert.deepEqual(
    rows.map(({ usage }) => usage),
    counted.toReversed(),
  );
  assert.deepEqual([...new Set(rows.map(({ status }) => status))], ['complete']);
}

async function left(openai, model, gateway, engine) {
  const before = (await engine.journal()).length;
  const stream = await openai.chat.completions.create({ model, messages, max_tokens: 1500, stream: true });
  let pieces = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) pieces++;
    if (pieces === 5) break;
  }
  await until(async () => (await engine.journal())[before].ended === 'aborted', 'the engine stopped');
  const { generated } = (await engine.journal())[before];
  assert.ok(generated < 1500);
  const rows = await gateway.requests(before + 1);
  assert.equal(rows[0].status, 'aborted');
  assert.ok(rows[0].usage.output > 0);
  return `after ${generated} of 1500 tokens`;
}

await main();
