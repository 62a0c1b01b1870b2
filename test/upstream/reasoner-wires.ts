import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { Body, ReasonedTurn, ReasonerWire } from './reasoner.ts';

const toUtf8 = (bytes: Uint8Array | string) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString());
const fromUtf8 = (text: string) => new Uint8Array(Buffer.from(text));
const JSON_TYPE = 'application/json';
const SSE_TYPE = 'text/event-stream';
const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const event = (value: { readonly type: string; readonly [field: string]: unknown }) => `event: ${value.type}\n${data(value)}`;
/** A text as a vendor streams it. */
const cut = (text: string) => text.match(/[\s\S]{1,7}/g) ?? [];
const present = (value: object) => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));

/** Messages: thinking comes back first in its turn, unchanged. https://platform.claude.com/docs/en/build-with-claude/extended-thinking */
export const anthropicReasoner: ReasonerWire = {
  matches: (path, body) => (path.endsWith('/v1/messages') ? { stream: body.stream === true } : undefined),
  history: (body) =>
    body.messages
      .filter(({ role }: Body) => role === 'assistant')
      .map(({ content }: Body) => content.map(({ cache_control: _, ...block }: Body) => block)),
  said: anthropicBlocks,
  answer(turn, stream) {
    const content = anthropicBlocks(turn);
    const stop_reason = turn.calls.length > 0 ? 'tool_use' : 'end_turn';
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_sequence: null };
    const usage = { input_tokens: 5, output_tokens: 7 };
    if (!stream) return { type: JSON_TYPE, body: JSON.stringify({ ...message, content, stop_reason, usage }) };
    const frames = content.flatMap((block: Body, index: number) => anthropicFrames(block, index));
    const start = event({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } });
    const end = [
      event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 7 } }),
      event({ type: 'message_stop' }),
    ];
    return { type: SSE_TYPE, body: [start, ...frames, ...end].join('') };
  },
  refusal: (message) => ({ type: 'error', error: { type: 'invalid_request_error', message } }),
};

function anthropicBlocks({ thought, signature, redacted, text, calls }: ReasonedTurn): Body[] {
  return [
    { type: 'thinking', thinking: thought, signature },
    ...(redacted === undefined ? [] : [{ type: 'redacted_thinking', data: redacted }]),
    ...(text === undefined ? [] : [{ type: 'text', text }]),
    ...calls.map(({ id, name, input }) => ({ type: 'tool_use', id, name, input })),
  ];
}

function anthropicFrames(block: Body, index: number): string[] {
  const delta = (value: object) => event({ type: 'content_block_delta', index, delta: value });
  const begun = { thinking: { thinking: '', signature: '' }, text: { text: '' }, tool_use: { input: {} } }[block.type as string] ?? {};
  const said: { readonly [type: string]: () => string[] } = {
    thinking: () => [
      ...cut(block.thinking).map((thinking) => delta({ type: 'thinking_delta', thinking })),
      delta({ type: 'signature_delta', signature: block.signature }),
    ],
    text: () => cut(block.text).map((text) => delta({ type: 'text_delta', text })),
    tool_use: () => cut(JSON.stringify(block.input)).map((partial_json) => delta({ type: 'input_json_delta', partial_json })),
  };
  return [
    event({ type: 'content_block_start', index, content_block: { ...block, ...begun } }),
    ...(said[block.type]?.() ?? []),
    event({ type: 'content_block_stop', index }),
  ];
}

/** Gemini 3: the first function call of a turn comes back with its signature. https://ai.google.dev/gemini-api/docs/thought-signatures */
export const geminiReasoner: ReasonerWire = {
  matches: (path) => {
    const operation = /:(generateContent|streamGenerateContent)$/.exec(path)?.[1];
    return operation === undefined ? undefined : { stream: operation === 'streamGenerateContent' };
  },
  // Thoughts themselves need not come back, and ids may; of a stream, every event comes back as a content of its own.
  history: (body) =>
    modelTurns(body.contents).map(({ parts }: Body) =>
      parts
        .filter(({ thought }: Body) => thought !== true)
        .map((part: Body) => (part.functionCall === undefined ? part : { ...part, functionCall: withoutId(part.functionCall) })),
    ),
  said: (turn) =>
    geminiParts(turn)
      .filter(({ thought }) => thought !== true)
      .map((part: Body) => (part.functionCall === undefined ? part : { ...part, functionCall: withoutId(part.functionCall) })),
  answer(turn, stream) {
    const usageMetadata = { promptTokenCount: 5, candidatesTokenCount: 7, totalTokenCount: 12 };
    const answer = (parts: readonly Body[], last: boolean) => ({
      candidates: [{ content: { role: 'model', parts }, index: 0, ...(last ? { finishReason: 'STOP' } : {}) }],
      usageMetadata,
      modelVersion: 'm',
      responseId: 'r1',
    });
    const parts = geminiParts(turn);
    if (!stream) return { type: JSON_TYPE, body: JSON.stringify(answer(parts, true)) };
    return { type: SSE_TYPE, body: parts.map((part, at) => data(answer([part], at === parts.length - 1))).join('') };
  },
  refusal: (message) => ({ error: { code: 400, status: 'INVALID_ARGUMENT', message } }),
};

/** The model's turns, whatever the number of contents they stand in. */
function modelTurns(contents: readonly Body[]): readonly Body[] {
  const turns: Body[] = [];
  for (const [at, { role, parts }] of contents.entries()) {
    if (role !== 'model') continue;
    if (contents[at - 1]?.role === 'model') turns.at(-1)?.parts.push(...parts);
    else turns.push({ parts: [...parts] });
  }
  return turns;
}

const withoutId = ({ id: _, ...call }: Body): Body => call;

function geminiParts({ thought, signature, text, calls }: ReasonedTurn): Body[] {
  return [
    { text: thought, thought: true },
    ...(text === undefined ? [] : [{ text }]),
    ...calls.map(({ id, name, input }, at) =>
      present({ functionCall: { id, name, args: input }, thoughtSignature: at === 0 ? signature : undefined }),
    ),
  ];
}

/** Converse: reasoning comes back with its signature. https://docs.aws.amazon.com/bedrock/latest/userguide/inference-reasoning.html */
export const bedrockReasoner: ReasonerWire = {
  matches: (path) => {
    const operation = /\/model\/.+\/(converse|converse-stream)$/.exec(path)?.[1];
    return operation === undefined ? undefined : { stream: operation === 'converse-stream' };
  },
  history: (body) => body.messages.filter(({ role }: Body) => role === 'assistant').map(({ content }: Body) => content),
  said: bedrockBlocks,
  answer(turn, stream) {
    const content = bedrockBlocks(turn);
    const stopReason = turn.calls.length > 0 ? 'tool_use' : 'end_turn';
    const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 12 };
    const metrics = { latencyMs: 1 };
    if (!stream) {
      return { type: JSON_TYPE, body: JSON.stringify({ output: { message: { role: 'assistant', content } }, stopReason, usage, metrics }) };
    }
    const events = [
      ['messageStart', { role: 'assistant' }],
      ...content.flatMap((block, index) => bedrockEvents(block, index)),
      ['messageStop', { stopReason }],
      ['metadata', { usage, metrics }],
    ] as const;
    return { type: 'application/vnd.amazon.eventstream', body: Buffer.concat(events.map(([type, value]) => amazonEvent(type, value))) };
  },
  refusal: (message) => ({ message }),
};

function bedrockBlocks({ thought, signature, redacted, text, calls }: ReasonedTurn): Body[] {
  return [
    { reasoningContent: { reasoningText: { text: thought, signature } } },
    ...(redacted === undefined ? [] : [{ reasoningContent: { redactedContent: redacted } }]),
    ...(text === undefined ? [] : [{ text }]),
    ...calls.map(({ id, name, input }) => ({ toolUse: { toolUseId: id, name, input } })),
  ];
}

function bedrockEvents(block: Body, contentBlockIndex: number): [string, object][] {
  const delta = (value: object): [string, object] => ['contentBlockDelta', { contentBlockIndex, delta: value }];
  const stop: [string, object] = ['contentBlockStop', { contentBlockIndex }];
  const { toolUse, text, reasoningContent } = block;
  if (text !== undefined) return [...cut(text).map((piece) => delta({ text: piece })), stop];
  if (reasoningContent?.redactedContent !== undefined) return [delta({ reasoningContent }), stop];
  if (reasoningContent !== undefined) {
    const { text: thought, signature } = reasoningContent.reasoningText;
    return [...cut(thought).map((piece) => delta({ reasoningContent: { text: piece } })), delta({ reasoningContent: { signature } }), stop];
  }
  const { input, ...call } = toolUse;
  const start: [string, object] = ['contentBlockStart', { contentBlockIndex, start: { toolUse: call } }];
  return [start, ...cut(JSON.stringify(input)).map((piece) => delta({ toolUse: { input: piece } })), stop];
}

const codec = new EventStreamCodec(toUtf8, fromUtf8);

function amazonEvent(type: string, value: object): Uint8Array {
  const header = (text: string) => ({ type: 'string' as const, value: text });
  return codec.encode({
    headers: { ':event-type': header(type), ':content-type': header('application/json'), ':message-type': header('event') },
    body: fromUtf8(JSON.stringify(value)),
  });
}

/** Responses with `store: false`: encrypted reasoning comes back before the calls it led to. https://platform.openai.com/docs/guides/reasoning */
export const responsesReasoner: ReasonerWire = {
  matches: (path, body) => (path.endsWith('/responses') ? { stream: body.stream === true } : undefined),
  history(body) {
    const turns: Body[][] = [];
    let inTurn = false;
    for (const item of body.input as Body[]) {
      const isOurs = item.type === 'reasoning' || item.type === 'function_call' || (item.role === 'assistant' && item.type === 'message');
      if (isOurs && !inTurn) turns.push([]);
      inTurn = isOurs;
      if (isOurs) turns.at(-1)?.push(responsesItem(item));
    }
    return turns;
  },
  said: (turn) => responsesItems(turn).map(responsesItem),
  answer(turn, stream) {
    const output = responsesItems(turn);
    const usage = {
      input_tokens: 5,
      output_tokens: 7,
      total_tokens: 12,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 1 },
    };
    const response = { id: 'resp_upstream', object: 'response', created_at: 1_795_000_000, model: 'm', error: null };
    const whole = { ...response, status: 'completed', output, usage };
    if (!stream) return { type: JSON_TYPE, body: JSON.stringify(whole) };
    let sequence_number = 0;
    const say = (type: string, value: object) => event({ type, sequence_number: sequence_number++, ...value });
    const start = say('response.created', { response: { ...response, status: 'in_progress', output: [] } });
    const frames = output.flatMap((item, output_index) => responsesFrames(item, output_index, say));
    return { type: SSE_TYPE, body: [start, ...frames, say('response.completed', { response: whole })].join('') };
  },
  refusal: (message) => ({ error: { type: 'invalid_request_error', code: 'invalid_encrypted_content', message, param: null } }),
};

/** What of an item must come back. */
function responsesItem({ type, summary, encrypted_content, call_id, name, arguments: args, content }: Body): Body {
  if (type === 'reasoning') return { type, summary, encrypted_content };
  if (type === 'function_call') return { type, call_id, name, arguments: JSON.parse(args) };
  return { type, text: typeof content === 'string' ? content : content.map(({ text }: Body) => text).join('') };
}

function responsesItems({ thought, signature, text, calls }: ReasonedTurn): Body[] {
  return [
    { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: thought }], encrypted_content: signature },
    ...(text === undefined
      ? []
      : [
          {
            id: 'msg_1',
            type: 'message',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text, annotations: [] }],
          },
        ]),
    ...calls.map(({ id, name, input }) => ({
      id: `fc_${id}`,
      type: 'function_call',
      status: 'completed',
      call_id: id,
      name,
      arguments: JSON.stringify(input),
    })),
  ];
}

function responsesFrames(item: Body, output_index: number, say: (type: string, value: object) => string): string[] {
  const at = { item_id: item.id, output_index };
  const said: { readonly [type: string]: () => string[] } = {
    reasoning: () => [
      say('response.reasoning_summary_part.added', { ...at, summary_index: 0, part: { type: 'summary_text', text: '' } }),
      ...cut(item.summary[0].text).map((delta) => say('response.reasoning_summary_text.delta', { ...at, summary_index: 0, delta })),
      say('response.reasoning_summary_part.done', { ...at, summary_index: 0, part: item.summary[0] }),
    ],
    message: () => [
      say('response.content_part.added', { ...at, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } }),
      ...cut(item.content[0].text).map((delta) => say('response.output_text.delta', { ...at, content_index: 0, delta })),
      say('response.content_part.done', { ...at, content_index: 0, part: item.content[0] }),
    ],
    function_call: () => cut(item.arguments).map((delta) => say('response.function_call_arguments.delta', { ...at, delta })),
  };
  const empty = { reasoning: { summary: [], encrypted_content: undefined }, message: { content: [] }, function_call: { arguments: '' } };
  return [
    say('response.output_item.added', { output_index, item: { ...item, ...empty[item.type as keyof typeof empty] } }),
    ...(said[item.type]?.() ?? []),
    say('response.output_item.done', { output_index, item }),
  ];
}
