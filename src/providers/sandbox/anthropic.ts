import type { Json, JsonObject } from '../../core/json.ts';
import { asString, isArray, isObject } from '../../core/json.ts';
import {
  type Ask,
  type AskedTool,
  invalid,
  readConversation,
  readLimit,
  readMessages,
  type Said,
  type SandboxFault,
  textOf,
} from './ask.ts';
import type { Form, Reply, Usage, Writer } from './form.ts';
import type { Finish, Step } from './models.ts';

/** Anthropic messages, as https://platform.claude.com/docs/en/api/messages describes them. */
export const anthropicForm: Form = { read, writer, whole, error, errorFrame, requestIdHeader: 'request-id' };

function read(body: JsonObject): Ask {
  const maxTokens = readLimit(body, 'max_tokens');
  if (maxTokens === undefined) throw invalid('max_tokens', 'max_tokens: Field required');
  const system: Said = { role: 'system', text: textOf(body.system), results: [], thinking: [] };
  const schema = readSchema(body);
  const choice = isObject(body.tool_choice) ? body.tool_choice : {};
  const conversation = readConversation([system, ...readMessages(body).map(readMessage)]);
  return {
    model: asString(body.model) ?? '',
    stream: body.stream === true,
    wantsUsage: true,
    maxTokens,
    ...(schema !== undefined && { schema }),
    tools: chosen(readTools(body.tools), choice),
    parallel: choice.disable_parallel_tool_use !== true,
    thinkingOff: isObject(body.thinking) && body.thinking.type === 'disabled',
    ...conversation,
    messages: conversation.messages - 1,
  };
}

function readMessage(message: JsonObject): Said {
  const blocks = isArray(message.content) ? message.content.filter(isObject) : [];
  return {
    role: asString(message.role) ?? '',
    text: textOf(message.content),
    results: blocks.filter(({ type }) => type === 'tool_result').map(({ content }) => textOf(content)),
    thinking: blocks.filter(({ type }) => type === 'thinking').map(readThinking),
  };
}

function readThinking(block: JsonObject): Ask['thinking'][number] {
  const signature = asString(block.signature);
  if (signature === undefined) throw invalid('messages', 'thinking.signature: Field required');
  return { text: asString(block.thinking) ?? '', signature };
}

/** Tools of the caller; those a server would run have a type of their own and are not called. */
function readTools(tools: Json | undefined): readonly AskedTool[] {
  if (!isArray(tools)) return [];
  return tools.flatMap((tool, index): readonly AskedTool[] => {
    if (!isObject(tool) || (tool.type !== undefined && tool.type !== 'custom')) return [];
    const name = asString(tool.name);
    if (name === undefined) throw invalid(`tools.${index}.name`, `tools.${index}.name: Field required`);
    return [{ name, schema: tool.input_schema ?? {} }];
  });
}

function chosen(tools: readonly AskedTool[], choice: JsonObject): readonly AskedTool[] {
  if (choice.type === 'none') return [];
  return choice.type === 'tool' ? tools.filter(({ name }) => name === choice.name) : tools;
}

function readSchema(body: JsonObject): Json | undefined {
  const format = isObject(body.output_config) ? body.output_config.format : body.output_format;
  return isObject(format) && format.type === 'json_schema' ? (format.schema ?? true) : undefined;
}

const STOP: { readonly [finish in Finish]: string } = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  refusal: 'refusal',
};

/** This vendor counts cached tokens beside the input, not in it. */
const usage = ({ input, cached, output }: Usage): JsonObject => ({
  input_tokens: input - cached,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cached,
  output_tokens: output,
});

const event = (value: JsonObject & { readonly type: string }): string => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

/** The step that opens a content block, or continues one of the same kind. */
const BLOCK_OF: { readonly [step in Step['do']]?: 'thinking' | 'text' | 'tool_use' } = {
  thought: 'thinking',
  sign: 'thinking',
  word: 'text',
  refuse: 'text',
  call: 'tool_use',
  input: 'tool_use',
};

function emptyBlock(step: Step): JsonObject {
  if (step.do === 'call') return { type: 'tool_use', id: `toolu_${step.id}`, name: step.name, input: {} };
  return step.do === 'thought' || step.do === 'sign' ? { type: 'thinking', thinking: '', signature: '' } : { type: 'text', text: '' };
}

function delta(step: Step): JsonObject | undefined {
  switch (step.do) {
    case 'thought':
      return { type: 'thinking_delta', thinking: step.text };
    case 'sign':
      return { type: 'signature_delta', signature: step.signature };
    case 'word':
    case 'refuse':
      return { type: 'text_delta', text: step.text };
    case 'input':
      return { type: 'input_json_delta', partial_json: step.text };
    default:
      return undefined;
  }
}

function writer(reply: Reply): Writer {
  let index = -1;
  let open: string | undefined;
  const close = (): string => (open === undefined ? '' : event({ type: 'content_block_stop', index }));
  const enter = (step: Step): string => {
    const block = BLOCK_OF[step.do];
    if (block === open && step.do !== 'call') return '';
    const before = close();
    open = block;
    index += 1;
    return before + event({ type: 'content_block_start', index, content_block: emptyBlock(step) });
  };
  return {
    open: () =>
      event({ type: 'message_start', message: message(reply, [], null, { ...reply.usage, output: 1 }) }) + event({ type: 'ping' }),
    step: (step) => {
      if (step.do === 'fail') return '';
      if (step.do === 'finish') return close() + ending(reply, step.reason);
      const piece = delta(step);
      return enter(step) + (piece === undefined ? '' : event({ type: 'content_block_delta', index, delta: piece }));
    },
  };
}

function ending(reply: Reply, reason: Finish): string {
  const stop = { stop_reason: STOP[reason], stop_sequence: null, ...stopDetails(reply, reason) };
  return event({ type: 'message_delta', delta: stop, usage: usage(reply.usage) }) + event({ type: 'message_stop' });
}

function stopDetails({ steps }: Reply, reason: Finish): JsonObject {
  if (reason !== 'refusal') return {};
  return {
    stop_details: { type: 'refusal', category: null, explanation: steps.map((step) => (step.do === 'refuse' ? step.text : '')).join('') },
  };
}

function message(reply: Reply, content: readonly Json[], stop: string | null, counted: Usage): JsonObject {
  return {
    id: `msg_${reply.id}`,
    type: 'message',
    role: 'assistant',
    model: reply.model,
    content,
    stop_reason: stop,
    stop_sequence: null,
    usage: usage(counted),
  };
}

function whole(reply: Reply): JsonObject {
  const reason = reply.steps.find((step) => step.do === 'finish')?.reason ?? 'stop';
  return { ...message(reply, contentOf(reply.steps), STOP[reason], reply.usage), ...stopDetails(reply, reason) };
}

function contentOf(steps: readonly Step[]): readonly JsonObject[] {
  const blocks: { block: JsonObject; text: string; signature?: string }[] = [];
  let kind: string | undefined;
  for (const step of steps) {
    const next = BLOCK_OF[step.do];
    if (next === undefined) continue;
    if (next !== kind || step.do === 'call') blocks.push({ block: emptyBlock(step), text: '' });
    kind = next;
    const open = blocks.at(-1);
    if (open === undefined) continue;
    if (step.do === 'sign') open.signature = step.signature;
    else if (step.do !== 'call' && 'text' in step) open.text += step.text;
  }
  return blocks.map(({ block, text, signature }) => {
    if (block.type === 'tool_use') return { ...block, input: parsed(text) };
    return block.type === 'thinking' ? { type: 'thinking', thinking: text, signature: signature ?? '' } : { type: 'text', text };
  });
}

/** Arguments that a token limit cut off are no JSON: the vendor answers with what it could read, here nothing. */
function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

const TYPES: { readonly [status: number]: string | undefined } = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function error({ status, message: text, details }: SandboxFault): JsonObject & { readonly type: string } {
  const type = details.type ?? TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { type: 'error', error: { type, message: text } };
}

function errorFrame(fault: SandboxFault): string {
  return event(error(fault));
}
