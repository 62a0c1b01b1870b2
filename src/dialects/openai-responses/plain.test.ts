import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { Wire } from '../../core/wire.ts';
import { plainName } from './own-tools.ts';
import { plain } from './plain.ts';
import { readCall } from './read-call.ts';
import { EventWriter } from './reply-writer.ts';
import { sealCall } from './sealed.ts';

const patch = {
  type: 'custom',
  name: 'apply_patch',
  description: 'Edits files.',
  format: { type: 'grammar', syntax: 'lark', definition: 'start: "x"' },
};
const parameters = { type: 'object', properties: { which: { type: 'string' } } };
const proofs = {
  type: 'namespace',
  name: 'mcp__proofs',
  description: 'Tools of proofs.',
  tools: [{ type: 'function', name: 'read', parameters, strict: false }],
};
const search = { type: 'tool_search', execution: 'client', description: 'Finds tools.', parameters };

const plainOf = (body: JsonObject) => plain(readCall({ model: 'm', input: 'Go', ...body }));

describe('tools that a caller runs itself', () => {
  it('are functions to other dialects', () => {
    const { chat, loss } = plainOf({ tools: [patch, proofs, search, { type: 'function', name: 'f' }] });
    expect(chat.tools).toMatchObject([
      { type: 'function', name: 'apply_patch', description: 'Edits files.', parameters: { required: ['input'] } },
      { type: 'function', name: 'mcp__proofs__read', parameters },
      { type: 'function', name: 'tool_search', description: 'Finds tools.', parameters },
      { type: 'function', name: 'f' },
    ]);
    expect(JSON.stringify(chat.tools[0])).toContain('lark grammar:\\nstart: \\"x\\"');
    expect(loss).toEqual(['tools.format']);
  });

  it('are not those that run at the vendor', () => {
    const tools = [{ type: 'web_search' }, { type: 'tool_search' }, { type: 'mcp', server_label: 's' }];
    expect(plainOf({ tools }).chat.tools).toEqual(tools.map((value) => ({ type: 'raw', dialect: 'openai-responses', value })));
  });

  it('were called by those names', () => {
    const { chat } = plainOf({
      input: [
        { type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'x "y"' },
        { type: 'custom_tool_call_output', call_id: 'c1', output: 'Done.' },
        { type: 'function_call', call_id: 'c2', namespace: 'mcp__proofs', name: 'read', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c2', output: 'proof' },
      ],
    });
    expect(chat.messages).toEqual([
      { role: 'assistant', content: [{ type: 'tool-call', id: 'c1', name: 'apply_patch', input: '{"input":"x \\"y\\""}' }] },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'c1', content: [{ type: 'text', text: 'Done.' }] }] },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'c2', name: 'mcp__proofs__read', input: '{}' }] },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'c2', content: [{ type: 'text', text: 'proof' }] }] },
    ]);
  });

  it('are there once a search has found them', () => {
    const { chat } = plainOf({
      tools: [search],
      input: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
        { type: 'tool_search_call', call_id: 's1', execution: 'client', status: 'completed', arguments: { query: 'proof' } },
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: sealCall('s1', 'signature', 'gemini') },
        { type: 'tool_search_output', call_id: 's1', execution: 'client', status: 'completed', tools: [proofs] },
        { type: 'function_call', call_id: 'c2', namespace: 'mcp__proofs', name: 'read', arguments: '{}' },
      ],
    });
    expect(chat.tools.map((tool) => tool.type === 'function' && tool.name)).toEqual(['tool_search', 'mcp__proofs__read']);
    expect(chat.messages.map(({ role, content }) => [role, content])).toEqual([
      [
        'assistant',
        [
          { type: 'text', text: 'I look.' },
          { type: 'tool-call', id: 's1', name: 'tool_search', input: '{"query":"proof"}', signature: 'signature', issuer: 'gemini' },
        ],
      ],
      ['tool', [{ type: 'tool-result', callId: 's1', content: [{ type: 'text', text: '["mcp__proofs__read"]' }] }]],
      ['assistant', [{ type: 'tool-call', id: 'c2', name: 'mcp__proofs__read', input: '{}' }]],
    ]);
  });

  it('have names that fit, and stay apart', () => {
    const long = 'n'.repeat(70);
    const [one, other] = ['a', 'b'].map((end) => plainName({ namespace: `${long}.${end}`, name: 'f' }));
    expect(one).toMatch(/^[\w-]{64}$/);
    expect(other).toMatch(/^[\w-]{64}$/);
    expect(one).not.toBe(other);
    expect(plainName({ namespace: 'my server', name: 'f' })).toBe('my_server__f');
  });
});

/** The events of an answer that calls one function, in as many pieces as its input has letters. */
function answer(name: string, input: string, call: JsonObject, end: 'tool-calls' | 'length' = 'tool-calls') {
  const at = { choice: 0, part: 0 };
  const chunks: ChatChunk[] = [
    { type: 'start' },
    { type: 'tool-call', ...at, id: 'c1', name },
    ...[...input].map((text): ChatChunk => ({ type: 'tool-input', ...at, text })),
    { type: 'finish', choice: 0, reason: end },
    { type: 'end' },
  ];
  const writer = new EventWriter({ id: 'x', model: 'm', created: 1, wantsUsage: true, call: Wire.of(call).fields });
  const events = chunks.flatMap((chunk) => writer.events(chunk));
  const response = events.at(-1)?.response as JsonObject;
  return { events, item: (response.output as JsonObject[])[0] };
}

describe('an answer that calls them', () => {
  it('has the text of a custom tool out of its JSON', () => {
    const { events, item } = answer('apply_patch', '{"input":"x \\"y\\"\\n"}', { tools: [patch] });
    expect(item).toMatchObject({ type: 'custom_tool_call', call_id: 'c1', name: 'apply_patch', input: 'x "y"\n', status: 'completed' });
    const told = events.filter(({ type }) => String(type).includes('custom_tool_call_input'));
    expect(told.map(({ type, delta, input }) => [type, delta ?? input])).toEqual([
      ['response.custom_tool_call_input.delta', 'x "y"\n'],
      ['response.custom_tool_call_input.done', 'x "y"\n'],
    ]);
  });

  it('keeps what is no JSON of the kind', () => {
    expect(answer('apply_patch', '{"patch":"x"}', { tools: [patch] }).item).toMatchObject({ input: '{"patch":"x"}' });
    expect(answer('apply_patch', '{"input":"x', { tools: [patch] }, 'length').item).toMatchObject({
      input: '{"input":"x',
      status: 'incomplete',
    });
  });

  it('says the namespace of a tool apart', () => {
    const { item } = answer('mcp__proofs__read', '{"which":"a"}', { tools: [proofs] });
    expect(item).toMatchObject({ type: 'function_call', namespace: 'mcp__proofs', name: 'read', arguments: '{"which":"a"}' });
    const found = { input: [{ type: 'tool_search_output', call_id: 's1', tools: [proofs] }] };
    expect(answer('mcp__proofs__read', '{}', found).item).toMatchObject({ namespace: 'mcp__proofs', name: 'read' });
  });

  it('searches for tools', () => {
    const { item } = answer('tool_search', '{"query":"proof"}', { tools: [search] });
    expect(item).toMatchObject({ type: 'tool_search_call', execution: 'client', call_id: 'c1', arguments: { query: 'proof' } });
  });

  it('means a function where one has the name by itself', () => {
    const plainOne = { type: 'function', name: 'mcp__proofs__read' };
    expect(answer('mcp__proofs__read', '{}', { tools: [plainOne, proofs] }).item).toMatchObject({ name: 'mcp__proofs__read' });
  });
});
