import { describe, expect, it } from 'vitest';
import type { Chat, Part } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { bedrock } from './index.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const NOVA = 'us.amazon.nova-2-lite-v1:0';
const GPT = 'openai.gpt-oss-120b-1:0';
const LLAMA = 'meta.llama3-70b-instruct-v1:0';
const PROFILE = 'arn:aws:bedrock:eu-west-1:1:application-inference-profile/abc';

const hello: Chat['messages'] = [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }];
const chat = (model: string, parts: Partial<Chat> = {}): Chat => ({
  model,
  messages: hello,
  tools: [],
  stream: false,
  extra: {},
  ...parts,
});
const write = (model: string, parts: Partial<Chat> = {}) => {
  const { body, loss } = bedrock.writeCall(chat(model, parts), {});
  return { body: JSON.parse(JSON.stringify(body)) as JsonObject, loss };
};
const said = (model: string, ...content: readonly Part[]) => {
  const { body, loss } = write(model, { messages: [{ role: 'user', content }] });
  const [message] = body.messages as readonly { readonly content: readonly JsonObject[] }[];
  return { content: message?.content ?? [], loss };
};
const tool = (name: string): Chat['tools'][number] => ({ type: 'function', name, parameters: { type: 'object' } });
const called: Chat['messages'] = [
  ...hello,
  { role: 'assistant', content: [{ type: 'tool-call', id: 'c1', name: 'f', input: '{}' }] },
  { role: 'tool', content: [{ type: 'tool-result', callId: 'c1', content: [{ type: 'text', text: 'r' }] }] },
];

describe('what to think', () => {
  it.each([
    ['Claude, by budget', CLAUDE, { reasoning: { effort: 'low' } }, { thinking: { type: 'enabled', budget_tokens: 1024 } }],
    ['Claude, as it adapts', CLAUDE, { reasoning: { mode: 'adaptive' as const } }, { thinking: { type: 'adaptive' } }],
    ['Claude, not at all', CLAUDE, { reasoning: { effort: 'none' } }, undefined],
    [
      'Nova, in three levels',
      NOVA,
      { reasoning: { effort: 'xhigh' } },
      { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'high' } },
    ],
    ['gpt-oss, in its own word', GPT, { reasoning: { effort: 'medium' } }, { reasoning_effort: 'medium' }],
  ])('is told to %s', (_name, model, parts, additional) => {
    const { body, loss } = write(model, parts);
    expect(body.additionalModelRequestFields).toEqual(additional);
    expect(loss).toEqual([]);
  });

  it('is named as lost where the model could not be told', () => {
    expect(write(LLAMA, { reasoning: { effort: 'high' } }).loss).toEqual(['reasoning_effort']);
    expect(write(PROFILE, { reasoning: { budgetTokens: 2000, mode: 'enabled' } }).loss).toEqual(['thinking']);
    expect(write(LLAMA, { reasoning: { effort: 'none' } }).loss).toEqual([]);
    expect(write(NOVA, { reasoning: { effort: 'minimal' } }).loss).toEqual([]);
  });

  it('leaves room for the answer, and rules out what Claude does not take with it', () => {
    const { body, loss } = write(CLAUDE, {
      reasoning: { budgetTokens: 4000, mode: 'enabled' },
      maxTokens: 1000,
      temperature: 0.3,
      topK: 5,
      topP: 0.5,
      tools: [tool('f')],
      toolChoice: { mode: 'required' },
    });
    expect(body).toMatchObject({
      inferenceConfig: { maxTokens: 5000 },
      additionalModelRequestFields: { thinking: { budget_tokens: 4000 } },
    });
    expect(body.inferenceConfig).not.toHaveProperty('temperature');
    expect(body.toolConfig).not.toHaveProperty('toolChoice');
    expect(new Set(loss)).toEqual(new Set(['max_tokens', 'temperature', 'top_k', 'top_p', 'tool_choice']));
    expect(write(CLAUDE, { reasoning: { effort: 'high' }, maxTokens: 8000 }).body).toMatchObject({
      inferenceConfig: { maxTokens: 8000 },
      additionalModelRequestFields: { thinking: { budget_tokens: 4000 } },
    });
  });

  it('does not begin in the middle of a turn', () => {
    expect(write(CLAUDE, { messages: called, tools: [tool('f')], reasoning: { effort: 'low' } })).toMatchObject({
      loss: ['reasoning_effort'],
    });
  });
});

describe('settings', () => {
  it('stand where the maker of the model looks for them', () => {
    expect(write(CLAUDE, { topK: 5 }).body.additionalModelRequestFields).toEqual({ top_k: 5 });
    expect(write(NOVA, { topK: 5 }).body.additionalModelRequestFields).toEqual({ inferenceConfig: { topK: 5 } });
    expect(write('cohere.command-r-v1:0', { topK: 5 }).body.additionalModelRequestFields).toEqual({ k: 5 });
    expect(write(LLAMA, { topK: 5 })).toMatchObject({ loss: ['top_k'] });
  });

  it('are clamped, left out and named', () => {
    const { body, loss } = write(LLAMA, {
      temperature: 1.5,
      seed: 1,
      choices: 2,
      user: 'u',
      presencePenalty: 1,
      frequencyPenalty: 1,
      stop: ['END', ' '],
      responseFormat: { type: 'json' },
      extra: { 'openai-chat': { logit_bias: {} } },
    });
    expect(body.inferenceConfig).toEqual({ temperature: 1, stopSequences: ['END'] });
    expect(new Set(loss)).toEqual(
      new Set(['temperature', 'seed', 'n', 'user', 'presence_penalty', 'frequency_penalty', 'stop', 'response_format', 'logit_bias']),
    );
  });

  it('ask Claude which stop sequence it was', () => {
    const paths = (model: string, stream: boolean, stop: readonly string[]) =>
      write(model, { stream, stop }).body.additionalModelResponseFieldPaths;
    expect(paths(CLAUDE, false, ['END'])).toEqual(['/stop_sequence']);
    expect(paths(CLAUDE, true, ['END'])).toEqual(['/delta/stop_sequence']);
    expect(paths(CLAUDE, false, [])).toBeUndefined();
    expect(paths(NOVA, false, ['END'])).toBeUndefined();
  });

  it('hold a schema as text', () => {
    const { body, loss } = write(CLAUDE, { responseFormat: { type: 'schema', schema: { type: 'object' }, name: 'n', strict: true } });
    expect(loss).toEqual([]);
    expect(body.outputConfig).toEqual({
      textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: '{"type":"object"}', name: 'n' } } },
    });
  });
});

describe('tools', () => {
  it('are made from the names in the turns where the caller gave none', () => {
    const { body, loss } = write(LLAMA, { messages: called });
    expect(body.toolConfig).toEqual({ tools: [{ toolSpec: { name: 'f', inputSchema: { json: { type: 'object' } } } }] });
    expect(loss).toEqual(['tools']);
  });

  it('are left out where none may be called, unless turns need them', () => {
    expect(write(LLAMA, { tools: [tool('f')], toolChoice: { mode: 'none' } })).toMatchObject({ loss: ['tools'] });
    expect(write(LLAMA, { tools: [tool('f')], toolChoice: { mode: 'none' } }).body).not.toHaveProperty('toolConfig');
    const needed = write(LLAMA, { messages: called, tools: [tool('f')], toolChoice: { mode: 'none' } });
    expect(needed).toMatchObject({ loss: ['tool_choice'], body: { toolConfig: { tools: [{ toolSpec: { name: 'f' } }] } } });
  });

  it.each([
    [{ mode: 'auto' as const }, { auto: {} }],
    [{ mode: 'required' as const }, { any: {} }],
    [{ mode: 'tool' as const, name: 'f' }, { tool: { name: 'f' } }],
  ])('are chosen: %j', (toolChoice, expected) =>
    expect(write(LLAMA, { tools: [tool('f')], toolChoice }).body.toolConfig).toMatchObject({ toolChoice: expected }),
  );

  it('have a schema of an object, and no empty description', () => {
    const bare = { type: 'function' as const, name: 'f', description: '' };
    expect(write(LLAMA, { tools: [bare], parallelToolCalls: false })).toMatchObject({
      body: { toolConfig: { tools: [{ toolSpec: { name: 'f', inputSchema: { json: { type: 'object', properties: {} } } } }] } },
      loss: ['parallel_tool_calls'],
    });
  });

  it('names those of other dialects as lost', () => {
    expect(write(LLAMA, { tools: [{ type: 'raw', dialect: 'anthropic', value: { type: 'web_search_20250305' } }] }).loss).toEqual([
      'tools.web_search_20250305',
    ]);
  });
});

describe('content', () => {
  it('is of images by their bytes, never by URL, which nobody here fetches', () => {
    const image = (source: Extract<Part, { type: 'image' }>['source']): Part => ({ type: 'image', source });
    expect(said(LLAMA, image({ kind: 'base64', mediaType: 'image/jpg', data: 'AAAA' })).content).toEqual([
      { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
    ]);
    const byUrl = write(LLAMA, {
      messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, image({ kind: 'url', url: 'https://a.example/a.png' })] }],
    });
    expect(byUrl).toMatchObject({ body: { messages: [{ content: [{ text: 'a' }] }] }, loss: ['messages.content.image_url'] });
    expect(said(LLAMA, image({ kind: 'url', url: 's3://b/k.jpg' })).content).toEqual([
      { image: { format: 'jpeg', source: { s3Location: { uri: 's3://b/k.jpg' } } } },
    ]);
  });

  it('is of documents under names that the API takes, each once', () => {
    const pdf = (name?: string): Part => ({
      type: 'file',
      source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' },
      ...(name !== undefined && { name }),
    });
    const names = (...parts: readonly Part[]) => {
      const { content, loss } = said(LLAMA, ...parts);
      return { names: content.map(({ document }) => (document as JsonObject).name), loss };
    };
    expect(names(pdf('Report.pdf'), pdf('Q1 (draft).PDF'))).toEqual({
      names: ['Report', 'Q1 (draft)'],
      loss: ['messages.content.file.filename'],
    });
    expect(names(pdf('Report.pdf'), pdf(), pdf())).toEqual({ names: ['Report', 'document', 'document 2'], loss: [] });
    expect(names(pdf('a_b: 1.pdf'), pdf('same.pdf'), pdf('same.pdf'))).toEqual({
      names: ['a-b- 1', 'same', 'same 2'],
      loss: ['messages.content.file.filename'],
    });
    expect(said(LLAMA, { type: 'file', source: { kind: 'text', mediaType: 'text/x-python', text: 'x = 1' } }).content).toEqual([
      { document: { format: 'txt', name: 'document', source: { text: 'x = 1' } } },
    ]);
  });

  it('is of films and sounds, and not of what has no format', () => {
    expect(said(LLAMA, { type: 'file', source: { kind: 'base64', mediaType: 'video/mp4', data: 'AAAA' } }).content).toEqual([
      { video: { format: 'mp4', source: { bytes: 'AAAA' } } },
    ]);
    expect(said(LLAMA, { type: 'audio', data: 'AAAA', format: 'wav' }).content).toEqual([
      { audio: { format: 'wav', source: { bytes: 'AAAA' } } },
    ]);
    expect(said(LLAMA, { type: 'file', source: { kind: 'base64', mediaType: 'application/zip', data: 'AAAA' } }).loss).toEqual([
      'messages.content.file',
    ]);
    expect(said(LLAMA, { type: 'file', source: { kind: 'file', id: 'file_1' } }).loss).toEqual(['messages.content.file']);
  });

  it('has cache points behind what ends a prefix, for models that have a cache', () => {
    const cached: Part = { type: 'text', text: 'a', cache: { type: 'ephemeral', ttl: '1h' } };
    expect(said(CLAUDE, cached).content).toEqual([{ text: 'a' }, { cachePoint: { type: 'default', ttl: '1h' } }]);
    expect(said(PROFILE, cached).content).toHaveLength(2);
    expect(said(LLAMA, cached)).toEqual({ content: [{ text: 'a' }], loss: ['cache_control'] });
    const result: Part = { type: 'tool-result', callId: 'c', content: [cached] };
    expect(said(CLAUDE, result).content.map((block) => Object.keys(block)[0])).toEqual(['toolResult', 'cachePoint']);
  });

  it('keeps a cache point behind its block where blocks change places', () => {
    const cached: Part = { type: 'text', text: 'a', cache: { type: 'ephemeral' } };
    const { content } = said(CLAUDE, cached, { type: 'tool-result', callId: 'c', content: [] });
    expect(content.map((block) => Object.keys(block)[0])).toEqual(['toolResult', 'text', 'cachePoint']);
  });

  it('is in turns: results first, reasoning first, instructions apart, roles by turns', () => {
    const { body, loss } = write(CLAUDE, {
      tools: [tool('f')],
      messages: [
        { role: 'system', content: [{ type: 'text', text: 'S' }] },
        ...hello,
        { role: 'assistant', content: [{ type: 'tool-call', id: 'call|1', name: 'f', input: '' }] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'and' },
            { type: 'text', text: ' ' },
          ],
        },
        { role: 'tool', content: [{ type: 'tool-result', callId: 'call|1', content: [] }] },
        { role: 'developer', content: [{ type: 'text', text: 'D' }] },
      ],
    });
    expect(body.system).toEqual([{ text: 'S' }, { text: 'D' }]);
    expect(body.messages).toEqual([
      { role: 'user', content: [{ text: 'Hello' }] },
      { role: 'assistant', content: [{ toolUse: { toolUseId: 'call_1', name: 'f', input: {} } }] },
      { role: 'user', content: [{ toolResult: { toolUseId: 'call_1', content: [] } }, { text: 'and' }] },
    ]);
    expect(loss).toEqual(['messages.system.order']);
  });
});

describe('signatures', () => {
  const thought = (issuer: 'anthropic' | 'bedrock' | 'gemini' | undefined): Part => ({
    type: 'thinking',
    text: 'Hm.',
    signature: 'c2ln',
    ...(issuer !== undefined && { issuer }),
  });
  const sent = { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'c2ln' } } };

  it("go to the models that issued them: Anthropic's to Claude wherever it was asked", () => {
    expect(said(CLAUDE, thought('anthropic'))).toEqual({ content: [sent], loss: [] });
    expect(said(CLAUDE, thought('bedrock')).content).toEqual([sent]);
    expect(said(PROFILE, thought('bedrock')).content).toEqual([sent]);
    for (const [model, issuer] of [
      [NOVA, 'anthropic'],
      [PROFILE, 'anthropic'],
      [CLAUDE, 'gemini'],
    ] as const) {
      expect(said(model, { type: 'text', text: 'a' }, thought(issuer))).toEqual({ content: [{ text: 'a' }], loss: ['thinking.signature'] });
    }
  });

  it('that are missing leave the reasoning behind', () => {
    expect(said(CLAUDE, { type: 'text', text: 'a' }, { type: 'thinking', text: 'Hm.' })).toEqual({
      content: [{ text: 'a' }],
      loss: ['messages.thinking'],
    });
  });

  it('of redacted reasoning are bytes', () => {
    const redacted = (issuer: 'anthropic' | 'bedrock'): Part => ({ type: 'redacted-thinking', data: 'EtMF+/==', issuer });
    expect(said(CLAUDE, redacted('anthropic')).content).toEqual([{ reasoningContent: { redactedContent: btoa('EtMF+/==') } }]);
    expect(said(CLAUDE, redacted('bedrock')).content).toEqual([{ reasoningContent: { redactedContent: 'EtMF+/==' } }]);
    expect(said(NOVA, { type: 'text', text: 'a' }, redacted('anthropic')).loss).toEqual(['thinking.signature']);
  });
});
