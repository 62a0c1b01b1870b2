import type { Chat, Message, Part, Tool } from '../../src/core/chat.ts';
import type { Json } from '../../src/core/json.ts';

/** One thing a caller may ask for, and what of a call tells whether it is still there. */
export interface CallCase {
  readonly name: string;
  readonly chat: Partial<Chat>;
  probe(chat: Chat): Json | undefined;
  /** What is still the same where a dialect has another way to say it. */
  nearly?(chat: Chat): Json | undefined;
}

const user = (...content: readonly Part[]): Message => ({ role: 'user', content });
const text = (value: string): Part => ({ type: 'text', text: value });
const ask = [user(text('What is the weather in Zürich?'))];
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const weather: Tool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a place.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const clock: Tool = { type: 'function', name: 'get_time', parameters: { type: 'object', properties: {} } };

const calling = (...calls: readonly Part[]): Message => ({ role: 'assistant', content: calls });
const call = (id: string, name: string, input: string): Part => ({ type: 'tool-call', id, name, input });
const result = (callId: string, ...content: readonly Part[]): Message => ({
  role: 'tool',
  content: [{ type: 'tool-result', callId, content }],
});

const partsOf = (chat: Chat) => chat.messages.flatMap(({ content }) => content);
const ofType = <Type extends Part['type']>(chat: Chat, type: Type) =>
  partsOf(chat).filter((part): part is Extract<Part, { readonly type: Type }> => part.type === type);
/** What stands in a call, without fields that are not there. */
const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null));

const textsOf = (role: Message['role']) => (chat: Chat) =>
  chat.messages
    .filter((message) => message.role === role || (role === 'system' && message.role === 'developer'))
    .map(({ content }) => content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'))
    .join('\n');
const images = (chat: Chat) => plain(ofType(chat, 'image').map(({ source }) => source));
/** Wherever it stands: beside a tool's result where it cannot stand inside. */
const everyImage = (chat: Chat) =>
  plain(
    partsOf(chat)
      .flatMap((part) => (part.type === 'tool-result' ? part.content : [part]))
      .flatMap((part) => (part.type === 'image' ? [part.source] : [])),
  );
const files = (chat: Chat) => plain(ofType(chat, 'file').map(({ source }) => source));
const calls = (chat: Chat) => plain(ofType(chat, 'tool-call').map(({ name, input }) => [name, JSON.parse(input || '{}')]));
const results = (chat: Chat) =>
  plain(
    ofType(chat, 'tool-result').map(({ content }) =>
      content.flatMap((part) => (part.type === 'text' ? [part.text] : [part.type])).join('\n'),
    ),
  );
const tools = (chat: Chat) =>
  plain(chat.tools.map((tool) => (tool.type === 'function' ? [tool.name, tool.description, tool.parameters] : tool.type)));
const setting = (name: keyof Chat) => (chat: Chat) => plain(chat[name]);

const seen = (chat: Partial<Chat>) => ({ messages: ask, ...chat });

export const callCases: readonly CallCase[] = [
  { name: 'text', chat: seen({}), probe: textsOf('user') },
  { name: 'text: long unicode', chat: { messages: [user(text('𝒳 é ü 漢字 עברית 🧑‍🚀 '.repeat(400)))] }, probe: textsOf('user') },
  { name: 'text: line separators, quotes, backslashes', chat: { messages: [user(text('a\u2028b\u2029"\\\n\t'))] }, probe: textsOf('user') },
  { name: 'text: several in one turn', chat: { messages: [user(text('one'), text('two'))] }, probe: textsOf('user') },
  {
    name: 'conversation of several turns',
    chat: { messages: [...ask, { role: 'assistant', content: [text('Rain.')] }, user(text('And tomorrow?'))] },
    probe: (chat) => plain(chat.messages.map(({ role }) => role)),
  },
  { name: 'system prompt', chat: { messages: [{ role: 'system', content: [text('Be brief.')] }, ...ask] }, probe: textsOf('system') },
  { name: 'developer prompt', chat: { messages: [{ role: 'developer', content: [text('Be brief.')] }, ...ask] }, probe: textsOf('system') },
  {
    name: 'system prompt between turns',
    chat: {
      messages: [
        ...ask,
        { role: 'assistant', content: [text('Rain.')] },
        { role: 'system', content: [text('Now in French.')] },
        user(text('Tomorrow?')),
      ],
    },
    probe: textsOf('system'),
  },
  {
    name: 'image: base64',
    chat: { messages: [user(text('What is this?'), { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PIXEL } })] },
    probe: images,
  },
  {
    name: 'image: URL',
    chat: { messages: [user(text('What is this?'), { type: 'image', source: { kind: 'url', url: 'https://a.example/cat.png' } })] },
    probe: images,
  },
  {
    name: 'image: detail',
    chat: { messages: [user({ type: 'image', detail: 'low', source: { kind: 'base64', mediaType: 'image/png', data: PIXEL } })] },
    probe: (chat) => plain(ofType(chat, 'image').map(({ detail }) => detail)),
  },
  {
    name: 'file: PDF',
    chat: {
      messages: [
        user(text('Sum it up.'), {
          type: 'file',
          name: 'a.pdf',
          source: { kind: 'base64', mediaType: 'application/pdf', data: 'JVBERi0=' },
        }),
      ],
    },
    probe: files,
  },
  {
    name: 'file: URL',
    chat: { messages: [user(text('Sum it up.'), { type: 'file', source: { kind: 'url', url: 'https://a.example/a.pdf' } })] },
    probe: files,
  },
  {
    name: 'file: plain text',
    chat: {
      messages: [
        user(text('Sum it up.'), { type: 'file', name: 'a.txt', source: { kind: 'text', mediaType: 'text/plain', text: 'Lorem.' } }),
      ],
    },
    probe: files,
  },
  {
    name: 'audio',
    chat: { messages: [user(text('What is said?'), { type: 'audio', data: 'UklGRg==', format: 'wav' })] },
    probe: (chat) => plain(ofType(chat, 'audio').map(({ data, format }) => [data, format])),
  },
  { name: 'tools', chat: seen({ tools: [weather, clock] }), probe: tools },
  {
    name: 'tools: strict schema',
    chat: seen({ tools: [{ ...weather, strict: true }] }),
    probe: (chat) => plain(chat.tools.map((tool) => tool.type === 'function' && tool.strict)),
  },
  { name: 'tool choice: required', chat: seen({ tools: [weather], toolChoice: { mode: 'required' } }), probe: setting('toolChoice') },
  {
    name: 'tool choice: one by name',
    chat: seen({ tools: [weather, clock], toolChoice: { mode: 'tool', name: 'get_time' } }),
    probe: setting('toolChoice'),
  },
  { name: 'tool choice: none', chat: seen({ tools: [weather], toolChoice: { mode: 'none' } }), probe: setting('toolChoice') },
  { name: 'tools one at a time', chat: seen({ tools: [weather], parallelToolCalls: false }), probe: setting('parallelToolCalls') },
  {
    name: 'tool call and its result',
    chat: {
      tools: [weather],
      messages: [...ask, calling(call('call_1', 'get_weather', '{"city":"Zürich"}')), result('call_1', text('Rain, 4 °C'))],
    },
    probe: (chat) => plain([calls(chat), results(chat)]),
  },
  {
    name: 'parallel tool calls and results',
    chat: {
      tools: [weather],
      messages: [
        ...ask,
        calling(call('call_1', 'get_weather', '{"city":"Zürich"}'), call('call_2', 'get_weather', '{"city":"Bern"}')),
        result('call_1', text('Rain')),
        result('call_2', text('Sun')),
      ],
    },
    probe: (chat) => plain([calls(chat), results(chat)]),
  },
  {
    name: 'tool call without arguments',
    chat: { tools: [clock], messages: [...ask, calling(call('call_1', 'get_time', '{}')), result('call_1', text('12:00'))] },
    probe: (chat) => plain([calls(chat), results(chat)]),
  },
  {
    name: 'tool result: failed',
    chat: {
      tools: [weather],
      messages: [
        ...ask,
        calling(call('call_1', 'get_weather', '{}')),
        { role: 'tool', content: [{ type: 'tool-result', callId: 'call_1', content: [text('No such place')], isError: true }] },
      ],
    },
    probe: (chat) => plain(ofType(chat, 'tool-result').map(({ isError }) => isError === true)),
  },
  {
    name: 'tool result: image',
    chat: {
      tools: [clock],
      messages: [
        ...ask,
        calling(call('call_1', 'get_time', '{}')),
        result('call_1', text('A dial:'), { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: PIXEL } }),
      ],
    },
    probe: (chat) => plain(ofType(chat, 'tool-result').flatMap(({ content }) => content.map(({ type }) => type))),
    nearly: everyImage,
  },
  {
    name: 'tool result: empty',
    chat: { tools: [clock], messages: [...ask, calling(call('call_1', 'get_time', '{}')), result('call_1', text(''))] },
    probe: (chat) => plain(ofType(chat, 'tool-result').length),
  },
  {
    name: 'structured output: schema',
    chat: seen({
      responseFormat: {
        type: 'schema',
        name: 'place',
        schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false },
      },
    }),
    probe: (chat) => plain(chat.responseFormat?.type === 'schema' ? chat.responseFormat.schema : chat.responseFormat),
  },
  {
    name: 'structured output: any JSON',
    chat: seen({ responseFormat: { type: 'json' } }),
    probe: (chat) => plain(chat.responseFormat?.type),
  },
  {
    name: 'reasoning: effort',
    chat: seen({ maxTokens: 9000, reasoning: { effort: 'low' } }),
    probe: (chat) => plain(chat.reasoning?.effort),
    nearly: (chat) => plain(chat.reasoning !== undefined),
  },
  {
    name: 'reasoning: budget',
    chat: seen({ maxTokens: 9000, reasoning: { mode: 'enabled', budgetTokens: 2048 } }),
    probe: (chat) => plain(chat.reasoning?.budgetTokens),
    nearly: (chat) => plain(chat.reasoning !== undefined),
  },
  { name: 'output limit', chat: seen({ maxTokens: 321 }), probe: setting('maxTokens') },
  { name: 'temperature', chat: seen({ temperature: 0.5 }), probe: setting('temperature') },
  { name: 'temperature above 1', chat: seen({ temperature: 1.5 }), probe: setting('temperature') },
  { name: 'top_p', chat: seen({ topP: 0.9 }), probe: setting('topP') },
  { name: 'top_k', chat: seen({ topK: 40 }), probe: setting('topK') },
  { name: 'stop sequences', chat: seen({ stop: ['END', '###'] }), probe: setting('stop') },
  { name: 'seed', chat: seen({ seed: 7 }), probe: setting('seed') },
  {
    name: 'penalties',
    chat: seen({ presencePenalty: 0.5, frequencyPenalty: -0.5 }),
    probe: (chat) => plain([chat.presencePenalty, chat.frequencyPenalty]),
  },
  { name: 'several choices', chat: seen({ choices: 2 }), probe: setting('choices') },
  { name: 'end user', chat: seen({ user: 'user-7' }), probe: setting('user') },
  {
    name: 'cache breakpoint',
    chat: { messages: [user({ type: 'text', text: 'Long.', cache: { type: 'ephemeral' } }, text('What is the weather?'))] },
    probe: (chat) => plain(partsOf(chat).some((part) => 'cache' in part && part.cache !== undefined)),
  },
];
