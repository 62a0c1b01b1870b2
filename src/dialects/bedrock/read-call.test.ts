import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { Wire } from '../../core/wire.ts';
import { bedrock } from './index.ts';
import { carrier } from './signatures.ts';

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';
const user = (...content: readonly JsonObject[]) => ({ role: 'user', content });
const assistant = (...content: readonly JsonObject[]) => ({ role: 'assistant', content });
const read = (body: JsonObject, model = CLAUDE) => bedrock.readCall(body, model);
/** The call read and written again for the same model. */
const again = (body: JsonObject, model = CLAUDE) => {
  const { body: written, loss } = bedrock.writeCall({ ...read(body, model), model }, {});
  return { body: JSON.parse(JSON.stringify(written)) as JsonObject, loss };
};
const partsOf = (...content: readonly JsonObject[]) => read({ messages: [user(...content)] }).messages[0]?.content;

/** Everything that the API takes, as its SDKs send it. */
const EVERYTHING = {
  system: [
    { text: 'Be brief.' },
    { cachePoint: { type: 'default', ttl: '1h' } },
    { guardContent: { text: { text: 'Guarded.', qualifiers: ['query'] } } },
  ],
  messages: [
    user(
      { text: 'Look.' },
      { cachePoint: { type: 'default' } },
      { image: { format: 'png', source: { bytes: 'AAAA' } } },
      { image: { format: 'jpeg', source: { s3Location: { uri: 's3://b/k.jpg', bucketOwner: '1' } } } },
      { document: { format: 'pdf', name: 'Report (2025)', source: { bytes: 'AAAA' }, citations: { enabled: true }, context: 'c' } },
      { document: { format: 'txt', name: 'notes', source: { text: 'Plain.' } } },
      { document: { format: 'md', name: 'parts', source: { content: [{ text: 'One.' }] } } },
      { video: { format: 'mp4', source: { bytes: 'AAAA' } } },
      { video: { format: 'mov', source: { s3Location: { uri: 's3://b/k.mov' } } } },
      { audio: { format: 'mp3', source: { bytes: 'AAAA' } } },
      { guardContent: { text: { text: 'Check this.' } } },
      { guardContent: { image: { format: 'jpeg', source: { bytes: 'AAAA' } } } },
      { searchResult: { source: 'https://a.example', title: 'A', content: [{ text: 'Found.' }], citations: { enabled: true } } },
    ),
    assistant(
      { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'c2ln' } } },
      { reasoningContent: { redactedContent: 'RXRNRkNrZ0lD' } },
      {
        citationsContent: { content: [{ text: 'Cited.' }], citations: [{ title: 'A', location: { documentPage: { documentIndex: 0 } } }] },
      },
      { toolUse: { toolUseId: 'tooluse_1', name: 'f', input: { a: [1, null] } } },
      { toolUse: { toolUseId: 'tooluse_2', name: 'g', input: {} } },
    ),
    user(
      {
        toolResult: {
          toolUseId: 'tooluse_1',
          content: [{ text: 'Done.' }, { image: { format: 'webp', source: { bytes: 'AAAA' } } }],
          status: 'success',
        },
      },
      { toolResult: { toolUseId: 'tooluse_2', content: [{ text: 'No.' }], status: 'error' } },
      { cachePoint: { type: 'default' } },
    ),
    { role: 'system', content: [{ text: 'From now on in French.' }] },
    user({ text: 'Go on.' }),
  ],
  toolConfig: {
    tools: [
      { toolSpec: { name: 'f', description: 'F', inputSchema: { json: { type: 'object', properties: { a: {} } } }, strict: true } },
      { toolSpec: { name: 'g', inputSchema: { json: { type: 'object' } } } },
      { cachePoint: { type: 'default' } },
      { systemTool: { name: 'nova_grounding' } },
    ],
    toolChoice: { auto: {} },
  },
  inferenceConfig: { maxTokens: 4096, temperature: 1, stopSequences: ['END'] },
  additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2048 }, anthropic_beta: ['x'] },
  additionalModelResponseFieldPaths: ['/stop_sequence'],
  guardrailConfig: { guardrailIdentifier: 'g', guardrailVersion: '1', trace: 'enabled' },
  outputConfig: {
    effort: 'low',
    textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: '{"type":"object"}', name: 's', description: 'd' } } },
  },
  requestMetadata: { team: 'a' },
  performanceConfig: { latency: 'optimized' },
  serviceTier: { type: 'flex' },
  promptVariables: { v: { text: 'x' } },
};

describe('a Converse call', () => {
  it('is read and written again as it was, with nothing lost', () => {
    const { body, loss } = again(EVERYTHING);
    expect(body).toEqual(EVERYTHING);
    expect(loss).toEqual([]);
  });

  it('is so for any of its parts', () => {
    const blocks = EVERYTHING.messages[0]?.content ?? [];
    fc.assert(
      fc.property(fc.shuffledSubarray([...blocks], { minLength: 1 }), (content) => {
        // A cache point closes what stands before it: it cannot come first.
        fc.pre(!('cachePoint' in (content[0] ?? {})));
        const body = { messages: [{ role: 'user', content }] };
        expect(again(body)).toEqual({ body, loss: [] });
      }),
    );
  });

  it('has model and operation in its address alone', () => {
    const { fields } = Wire.of({ messages: [] });
    expect(bedrock.head(fields, { model: 'm', stream: true })).toEqual({ model: 'm', stream: true, wantsUsage: true });
    expect(() => bedrock.head(fields)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(bedrock.pathOf?.(CLAUDE, false)).toBe('/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse');
    expect(bedrock.pathOf?.('arn:aws:bedrock:eu-west-1:1:inference-profile/x', true)).toBe(
      '/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Fx/converse-stream',
    );
    for (const model of ['', '.', '..'])
      expect(() => bedrock.pathOf?.(model, false)).toThrow(expect.objectContaining({ code: 'model_not_found' }));
    expect(bedrock.pathOf?.('..a', false)).toBe('/model/..a/converse');
  });
});

describe('parts', () => {
  it('are those of every dialect where it knows them', () => {
    expect(partsOf(...(EVERYTHING.messages[0]?.content.slice(0, 6) ?? []))).toEqual([
      { type: 'text', text: 'Look.', cache: { type: 'ephemeral' } },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AAAA' } },
      {
        type: 'raw',
        dialect: 'bedrock',
        value: { image: { format: 'jpeg', source: { s3Location: { uri: 's3://b/k.jpg', bucketOwner: '1' } } } },
      },
      {
        type: 'file',
        name: 'Report (2025).pdf',
        source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' },
        extra: { bedrock: { citations: { enabled: true }, context: 'c' } },
      },
      { type: 'file', name: 'notes.txt', source: { kind: 'text', mediaType: 'text/plain', text: 'Plain.' } },
    ]);
  });

  it('keep guarded content as content, and JSON results as their text', () => {
    expect(partsOf({ guardContent: { text: { text: 'Check this.', qualifiers: ['query'] } } })).toEqual([
      { type: 'text', text: 'Check this.', extra: { bedrock: { guardContent: { qualifiers: ['query'] } } } },
    ]);
    expect(partsOf({ toolResult: { toolUseId: 't', content: [{ json: { a: 1 } }] } })).toEqual([
      { type: 'tool-result', callId: 't', content: [{ type: 'text', text: '{"a":1}' }] },
    ]);
  });

  it('have no name where the document has a neutral one', () => {
    expect(partsOf({ document: { format: 'pdf', name: 'document 2', source: { bytes: 'AAAA' } } })).toEqual([
      { type: 'file', source: { kind: 'base64', mediaType: 'application/pdf', data: 'AAAA' } },
    ]);
  });

  it('take a cache point that closes nothing as it is', () => {
    const point = { cachePoint: { type: 'default' } };
    expect(partsOf(point)).toEqual([{ type: 'raw', dialect: 'bedrock', value: point }]);
    expect(partsOf({ text: 'a' }, point, point)).toEqual([
      { type: 'text', text: 'a', cache: { type: 'ephemeral' } },
      { type: 'raw', dialect: 'bedrock', value: point },
    ]);
  });
});

describe('signatures', () => {
  const reasoning = (signature: string) => ({ reasoningContent: { reasoningText: { text: 'Hm.', signature } } });
  const thought = (block: JsonObject, model?: string) => bedrock.readCall({ messages: [assistant(block)] }, model).messages[0]?.content[0];

  it("are Anthropic's where the caller names a model of Anthropic's, and Bedrock's elsewhere", () => {
    expect(thought(reasoning('c2ln'), CLAUDE)).toMatchObject({ signature: 'c2ln', issuer: 'anthropic' });
    expect(thought(reasoning('c2ln'), 'aws/amazon.nova-2-lite-v1:0')).toMatchObject({ issuer: 'bedrock' });
    expect(thought(reasoning('c2ln'))).toMatchObject({ issuer: 'bedrock' });
    expect(thought(reasoning(wrapSignature('c2ln', 'gemini', 'bedrock')), CLAUDE)).toMatchObject({ signature: 'c2ln', issuer: 'gemini' });
  });

  it('of calls and texts come from the blocks beside them, by name', () => {
    const carried = (target: string, signature: string) => ({
      reasoningContent: { redactedContent: carrier(target, signature, 'gemini') },
    });
    const toolUse = (toolUseId: string) => ({ toolUse: { toolUseId, name: 'f', input: {} } });
    const content = read({
      messages: [
        assistant({ text: 'Said.' }, carried('', 'dGV4dA=='), carried('b', 'Yg=='), toolUse('a'), toolUse('b'), carried('gone', 'eA==')),
      ],
    }).messages[0]?.content;
    expect(content).toEqual([
      { type: 'text', text: 'Said.', signature: 'dGV4dA==', issuer: 'gemini' },
      { type: 'tool-call', id: 'a', name: 'f', input: '{}' },
      { type: 'tool-call', id: 'b', name: 'f', input: '{}', signature: 'Yg==', issuer: 'gemini' },
    ]);
  });
});

describe('settings', () => {
  it('are those of every dialect where it knows them', () => {
    const chat = read(EVERYTHING);
    expect(chat).toMatchObject({
      maxTokens: 4096,
      temperature: 1,
      stop: ['END'],
      reasoning: { mode: 'enabled', budgetTokens: 2048, effort: 'low' },
      responseFormat: { type: 'schema', schema: { type: 'object' }, name: 's', description: 'd' },
      toolChoice: { mode: 'auto' },
      tools: [{ name: 'f', strict: true }, { name: 'g', cache: { type: 'ephemeral' } }, { type: 'raw' }],
    });
    expect(Object.keys(chat.extra.bedrock ?? {}).sort()).toEqual([
      'additionalModelRequestFields',
      'additionalModelResponseFieldPaths',
      'guardrailConfig',
      'performanceConfig',
      'promptVariables',
      'requestMetadata',
      'serviceTier',
    ]);
  });

  it.each([
    ['messages', { messages: {} }],
    ['messages.0', { messages: ['x'] }],
    ['messages.0.role', { messages: [{ role: 'tool', content: [] }] }],
    ['messages.0.content', { messages: [{ role: 'user', content: 'text' }] }],
    ['messages.0.content.0', { messages: [user({})] }],
    ['messages.0.content.0.text', { messages: [user({ text: 1 })] }],
    ['messages.0.content.0.toolUse.toolUseId', { messages: [user({ toolUse: { name: 'f' } })] }],
    ['inferenceConfig.maxTokens', { inferenceConfig: { maxTokens: -1 } }],
    ['toolConfig.tools.0.toolSpec.name', { toolConfig: { tools: [{ toolSpec: {} }] } }],
    ['toolConfig.toolChoice', { toolConfig: { tools: [], toolChoice: { some: {} } } }],
    [
      'outputConfig.textFormat.structure.jsonSchema.schema',
      { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema: { schema: '{' } } } } },
    ],
  ])('names the field at fault: %s', (param, body: JsonObject) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param }) }));
  });
});

describe('a call that is forwarded as it came', () => {
  const patched = (body: JsonObject, model = CLAUDE) => {
    const wire = Wire.of(body);
    return JSON.parse(wire.patched(bedrock.patch({ model, stream: false, wantsUsage: true }, model, {}, wire.fields))) as JsonObject;
  };

  it('is not touched', () => expect(patched(EVERYTHING)).toEqual(EVERYTHING));

  it('has signatures that were wrapped here as its model takes them, or not at all', () => {
    const own = { reasoningContent: { reasoningText: { text: 'Own.', signature: 'b3du' } } };
    const wrapped = (signature: string) => ({ reasoningContent: { reasoningText: { text: 'Hm.', signature } } });
    const claude = wrapSignature('c2ln', 'anthropic', 'bedrock');
    const body = {
      messages: [
        user({ text: 'a' }),
        assistant(
          own,
          wrapped(claude),
          wrapped(wrapSignature('Z2Vt', 'gemini', 'bedrock')),
          { reasoningContent: { redactedContent: carrier('t', 'Z2Vt', 'gemini') } },
          { reasoningContent: { redactedContent: wrapSignature('EtMF', 'anthropic', 'bedrock') } },
          { toolUse: { toolUseId: 't', name: 'f', input: {} } },
        ),
      ],
    };
    const contentOf = (model: string) => (patched(body, model).messages as typeof body.messages)[1]?.content;
    const call = { toolUse: { toolUseId: 't', name: 'f', input: {} } };
    expect(contentOf(CLAUDE)).toEqual([own, wrapped('c2ln'), { reasoningContent: { redactedContent: btoa('EtMF') } }, call]);
    expect(contentOf('us.amazon.nova-2-lite-v1:0')).toEqual([own, call]);
  });

  it('does not ask for thinking in a turn that lost what it began with', () => {
    const body = (content: readonly JsonObject[]) => ({
      messages: [
        user({ text: 'a' }),
        assistant(...content, { toolUse: { toolUseId: 't', name: 'f', input: {} } }),
        user({ toolResult: { toolUseId: 't', content: [{ text: 'r' }] } }),
      ],
      additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 1024 }, anthropic_beta: ['x'] },
    });
    const foreign = { reasoningContent: { reasoningText: { text: 'Hm.', signature: wrapSignature('Z2Vt', 'gemini', 'bedrock') } } };
    expect(patched(body([foreign])).additionalModelRequestFields).toEqual({ anthropic_beta: ['x'] });
    const own = { reasoningContent: { reasoningText: { text: 'Own.', signature: 'b3du' } } };
    expect(patched(body([own, foreign])).additionalModelRequestFields).toHaveProperty('thinking');
  });
});
