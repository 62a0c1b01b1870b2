import Anthropic from '@anthropic-ai/sdk';
import {
  BedrockRuntimeClient,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
  type ConverseStreamOutput,
  ThrottlingException,
  ValidationException,
} from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { ACCESS_KEY, API_KEY, type BedrockUpstream, REGION, startBedrock } from '../upstream/bedrock.ts';

let gateway: TestGateway;
let aws: BedrockUpstream;
let client: BedrockRuntimeClient;

beforeAll(async () => {
  [gateway, aws] = await Promise.all([startTestGateway(), startBedrock()]);
  const { origin } = gateway.upstream;
  const bedrock = { like: 'bedrock', baseUrl: aws.origin, settings: { region: REGION } };
  const document = {
    providers: {
      up: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' } },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
      aws: { ...bedrock, key: { value: `${ACCESS_KEY.accessKeyId}:${ACCESS_KEY.secretAccessKey}` } },
      awskey: { ...bedrock, key: { value: API_KEY } },
      stranger: { ...bedrock, key: { value: `${ACCESS_KEY.accessKeyId}:another-secret` } },
    },
    models: { claude: { targets: ['aws/eu.anthropic.claude-thinking-v1:0'] } },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
  // The SDK's bearer token is where a gateway key belongs. Plain HTTP wants its handler for HTTP/1.
  client = new BedrockRuntimeClient({
    region: REGION,
    endpoint: gateway.url,
    token: { token: KEY },
    authSchemePreference: ['httpBearerAuth'],
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
});
afterAll(async () => {
  client?.destroy();
  await Promise.all([gateway?.stop(), aws?.close()]);
});

const ask = (modelId: string, extra: Partial<ConverseCommandInput> = {}): ConverseCommandInput => ({
  modelId,
  messages: [{ role: 'user', content: [{ text: 'Hello there' }] }],
  ...extra,
});
const TOOLS: Partial<ConverseCommandInput> = {
  toolConfig: {
    tools: [
      {
        toolSpec: {
          name: 'get_weather',
          description: 'The weather of a city',
          inputSchema: { json: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer' } } } },
        },
      },
    ],
  },
};

async function streamed(input: ConverseCommandInput) {
  const { stream } = await client.send(new ConverseStreamCommand(input));
  const events: ConverseStreamOutput[] = [];
  for await (const event of stream ?? []) events.push(event);
  let text = '';
  let thought = '';
  let signature = '';
  const calls: { id: string | undefined; name: string | undefined; input: string }[] = [];
  for (const { contentBlockStart: start, contentBlockDelta: { delta } = {} } of events) {
    if (start?.start?.toolUse) calls.push({ id: start.start.toolUse.toolUseId, name: start.start.toolUse.name, input: '' });
    text += delta?.text ?? '';
    thought += delta?.reasoningContent?.text ?? '';
    signature += delta?.reasoningContent?.signature ?? '';
    const call = calls.at(-1);
    if (call !== undefined) call.input += delta?.toolUse?.input ?? '';
  }
  const last = events.at(-1);
  return {
    events,
    text,
    thought,
    signature,
    calls,
    stop: events.find(({ messageStop }) => messageStop)?.messageStop,
    usage: last?.metadata?.usage,
  };
}

const CALLS = [
  { id: 'call_1', name: 'get_weather', input: { city: 'Zürich', days: 1 } },
  { id: 'call_2', name: 'get_weather', input: { city: 'Oslo', days: 2 } },
];
const TWENTY = Array.from({ length: 20 }, (_, at) => `w${at}`).join(' ');

describe.each([
  ['Bedrock itself', 'aws/us.amazon.nova-KIND-v1:0', { inputTokens: 11, cacheReadInputTokens: 2 }],
  ['Bedrock with an API key', 'awskey/us.amazon.nova-KIND-v1:0', { inputTokens: 11, cacheReadInputTokens: 2 }],
  ['OpenAI chat', 'up/ok/KIND', { inputTokens: 11 }],
  ['Anthropic', 'ant/ok/KIND', { inputTokens: 11 }],
])('the AWS SDK against %s', (_name, model, usage) => {
  const of = (kind: string) => model.replace('KIND', kind);

  it('converses', async () => {
    const answer = await client.send(new ConverseCommand(ask(of('text'))));
    expect(answer.output?.message).toEqual({ role: 'assistant', content: [{ text: TWENTY }] });
    expect(answer.stopReason).toBe('end_turn');
    expect(answer.usage).toMatchObject({ ...usage, outputTokens: 20 });
  });

  it('streams', async () => {
    const said = await streamed(ask(of('text')));
    expect(said.text).toBe(TWENTY);
    expect(said.stop?.stopReason).toBe('end_turn');
    expect(said.events[0]).toHaveProperty('messageStart.role', 'assistant');
    expect(said.usage).toMatchObject({ ...usage, outputTokens: 20 });
  });

  it('is told of tool calls, streamed and not', async () => {
    const answer = await client.send(new ConverseCommand(ask(of('tools'), TOOLS)));
    const uses = answer.output?.message?.content?.flatMap(({ toolUse }) => (toolUse === undefined ? [] : [toolUse]));
    expect(uses).toEqual(CALLS.map(({ id, name, input }) => ({ toolUseId: id, name, input })));
    expect(answer.stopReason).toBe('tool_use');
    const said = await streamed(ask(of('tools'), TOOLS));
    expect(said.calls.map((call) => ({ ...call, input: JSON.parse(call.input) as unknown }))).toEqual(CALLS);
    expect(said.stop?.stopReason).toBe('tool_use');
  });

  it('sends results back', async () => {
    const first = await client.send(new ConverseCommand(ask(of('tools'), TOOLS)));
    const message = first.output?.message;
    if (message === undefined) throw new Error('no message');
    const second = await client.send(
      new ConverseCommand({
        ...ask(of('text'), TOOLS),
        messages: [
          { role: 'user', content: [{ text: 'Weather?' }] },
          message,
          { role: 'user', content: CALLS.map(({ id }) => ({ toolResult: { toolUseId: id, content: [{ json: { degrees: 21 } }] } })) },
        ],
      }),
    );
    expect(second.output?.message?.content).toEqual([{ text: TWENTY }]);
  });

  it('is given an SDK error where the call is wrong', async () => {
    const wrong = client.send(new ConverseCommand(ask(model.replace(/KIND/, 'nonsense'))));
    await expect(wrong).rejects.toMatchObject({
      $metadata: { httpStatusCode: expect.any(Number), requestId: expect.stringMatching(/^req_/) },
      message: expect.stringMatching(/.+/),
    });
  });
});

describe('reasoning', () => {
  it.each([
    ['bedrock', 'aws/us.anthropic.claude-thinking-v1:0'],
    ['anthropic', 'ant/ok/thinking'],
  ])('of %s comes with its signature, and goes back byte for byte', async (_name, model) => {
    const input = ask(model, {
      additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 1024 } },
      inferenceConfig: { maxTokens: 4096 },
    });
    const said = await streamed(input);
    expect(said.thought).toBe('First this, then that.');
    const { output } = await client.send(new ConverseCommand(input));
    const message = output?.message;
    if (message === undefined) throw new Error('no message');
    expect(message.content?.[0]?.reasoningContent?.reasoningText).toEqual({ text: 'First this, then that.', signature: said.signature });
    await client.send(
      new ConverseCommand({ ...input, messages: [...(input.messages ?? []), message, { role: 'user', content: [{ text: 'Go on.' }] }] }),
    );
    const sent = model.startsWith('aws')
      ? aws.seen.at(-1)?.body
      : (JSON.parse(String(gateway.upstream.journal.all.at(-1)?.body)) as object);
    expect(JSON.stringify(sent)).toContain('"signature":"c2lnbmVk"');
  });

  it('of Claude on Bedrock goes on at Anthropic, which takes its signatures', async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
    const answer = await openai.chat.completions.create({
      model: 'claude',
      reasoning_effort: 'low',
      messages: [{ role: 'user', content: 'Hello' }],
    });
    const message = answer.choices[0]?.message;
    if (message === undefined) throw new Error('no message');
    await openai.chat.completions.create({
      model: 'ant/ok/text',
      messages: [{ role: 'user', content: 'Hello' }, message, { role: 'user', content: 'Go on.' }],
    });
    const { body } = gateway.upstream.journal.all.at(-1) ?? {};
    expect(JSON.parse(String(body))).toHaveProperty('messages.1.content.0', {
      type: 'thinking',
      thinking: 'First this, then that.',
      signature: 'c2lnbmVk',
    });
  });
});

describe('other clients on Bedrock', () => {
  it('speak OpenAI, streamed and not, through Converse', async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
    const asked = { model: 'aws/us.amazon.nova-tools-v1:0', messages: [{ role: 'user' as const, content: 'Weather?' }] };
    const whole = await openai.chat.completions.create(asked);
    expect(whole.choices[0]?.message.tool_calls).toHaveLength(2);
    expect(whole.usage).toMatchObject({ prompt_tokens: 14, prompt_tokens_details: { cached_tokens: 2 } });
    const pieces = await openai.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
    let input = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const piece of pieces) {
      for (const call of piece.choices[0]?.delta.tool_calls ?? []) if (call.index === 0) input += call.function?.arguments ?? '';
      usage = piece.usage ?? usage;
    }
    expect(JSON.parse(input)).toEqual(CALLS[0]?.input);
    expect(usage).toMatchObject({ prompt_tokens: 14 });
    expect(aws.seen.at(-1)?.path).toBe('/model/us.amazon.nova-tools-v1%3A0/converse-stream');
  });

  it("speak Anthropic's own dialect with Anthropic's models, and lose nothing", async () => {
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const input = {
      model: 'aws/us.anthropic.claude-thinking-v1:0',
      max_tokens: 2048,
      thinking: { type: 'enabled' as const, budget_tokens: 1024 },
      messages: [{ role: 'user' as const, content: 'Hello' }],
    };
    const { data, response } = await anthropic.messages
      .create(input, { headers: { 'anthropic-beta': 'interleaved-thinking-2025-05-14,oauth-2025-04-20' } })
      .withResponse();
    expect(data.content[0]).toEqual({ type: 'thinking', thinking: 'First this, then that.', signature: 'c2lnbmVk' });
    expect(response.headers.get('x-weir-loss')).toBe('anthropic-beta.oauth-2025-04-20');
    const { model: _, ...body } = input;
    expect(aws.seen.at(-1)).toMatchObject({
      path: '/model/us.anthropic.claude-thinking-v1%3A0/invoke',
      body: { ...body, anthropic_version: 'bedrock-2023-05-31', anthropic_beta: ['interleaved-thinking-2025-05-14'] },
    });
    expect(aws.seen.at(-1)?.body).not.toHaveProperty('model');
    expect(aws.seen.at(-1)?.headers).not.toHaveProperty('anthropic-beta');
    const stream = anthropic.messages.stream({ ...input, model: 'aws/us.anthropic.claude-tools-v1:0' });
    const message = await stream.finalMessage();
    expect(message.content.map((block) => (block.type === 'tool_use' ? block.input : block.type))).toEqual([
      'text',
      ...CALLS.map(({ input }) => input),
    ]);
    expect(message.usage).toMatchObject({ input_tokens: 11 });
    expect(aws.seen.at(-1)?.path).toBe('/model/us.anthropic.claude-tools-v1%3A0/invoke-with-response-stream');
    expect(aws.seen.at(-1)?.body).not.toHaveProperty('stream');
  });

  it("speak Anthropic's dialect with other makers' models through Converse alone", async () => {
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const asked = { max_tokens: 64, messages: [{ role: 'user' as const, content: 'Hello' }] };
    const text = await anthropic.messages.stream({ ...asked, model: 'aws/us.amazon.nova-text-v1:0' }).finalText();
    expect(text).toBe(TWENTY);
    expect(aws.seen.at(-1)?.path).toBe('/model/us.amazon.nova-text-v1%3A0/converse-stream');
  });
});

describe('what goes wrong', () => {
  it('is said in the classes of the SDK', async () => {
    await expect(client.send(new ConverseCommand(ask('aws/us.amazon.nova-throttled-v1:0')))).rejects.toThrow(ThrottlingException);
    await expect(client.send(new ConverseCommand(ask('aws/us.amazon.nova-nonsense-v1:0')))).rejects.toThrow(ValidationException);
    const stranger = new BedrockRuntimeClient({
      region: REGION,
      endpoint: gateway.url,
      token: { token: 'weir_dev_wrong' },
      authSchemePreference: ['httpBearerAuth'],
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    });
    await expect(stranger.send(new ConverseCommand(ask('aws/us.amazon.nova-text-v1:0')))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
      $metadata: { httpStatusCode: 401 },
    });
  });

  it.each(['exception', 'cut', 'stopped'])('in the middle of a stream ends it in an exception: %s', async (kind) => {
    for (const model of [`aws/us.amazon.nova-${kind}-v1:0`]) {
      const { stream } = await client.send(new ConverseStreamCommand(ask(model)));
      let text = '';
      const read = async () => {
        for await (const event of stream ?? []) text += event.contentBlockDelta?.delta?.text ?? '';
      };
      await expect(read()).rejects.toMatchObject({ name: kind === 'exception' ? 'ThrottlingException' : 'ModelStreamErrorException' });
      expect(TWENTY.startsWith(text)).toBe(true);
      expect(text).not.toBe('');
    }
  });

  it('with an upstream of another dialect is an exception all the same', async () => {
    const { stream } = await client.send(new ConverseStreamCommand(ask('up/fault/reset?n=5')));
    const read = async () => {
      for await (const _ of stream ?? []);
    };
    await expect(read()).rejects.toMatchObject({ name: 'ModelStreamErrorException' });
  });

  it("with the credential is the operator's to mend, and is shown to nobody", async () => {
    const refused = client.send(new ConverseCommand(ask('stranger/us.amazon.nova-text-v1:0')));
    await expect(refused).rejects.toMatchObject({ name: 'InternalServerException', $metadata: { httpStatusCode: 502 } });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('another-secret') });
  });
});

describe('ids of models', () => {
  it.each([
    'aws/arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-text-v1:0',
    "aws/us.amazon.nova-text-v1:0!'()*",
  ])('are one segment of the path, and signed as such: %s', async (model) => {
    const answer = await client.send(new ConverseCommand(ask(model)));
    expect(answer.output?.message?.content).toEqual([{ text: TWENTY }]);
    expect(aws.seen.at(-1)?.model).toBe(model.slice('aws/'.length));
  });

  it('cannot leave the path', async () => {
    await expect(client.send(new ConverseCommand(ask('aws/..')))).rejects.toMatchObject({ $metadata: { httpStatusCode: 404 } });
  });
});

it('costs what Bedrock counted, the cache included', async () => {
  const response = await fetch(`${gateway.url}/model/${encodeURIComponent('aws/us.amazon.nova-text-v1:0')}/converse-stream`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: [{ text: 'Hello' }] }] }),
  });
  expect(response.headers.get('content-type')).toBe('application/vnd.amazon.eventstream');
  await response.arrayBuffer();
  const row = await gateway.row(response.headers.get('x-weir-request-id'));
  expect(row).toMatchObject({ status: 'complete', lane: 'tap', dialect: 'bedrock', usage: { input: 14, output: 20 } });
});
