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

/** OpenAI chat completions, as https://platform.openai.com/docs/api-reference/chat describes them. */
export const openaiForm: Form = { read, writer, whole, error, errorFrame, requestIdHeader: 'x-request-id' };

function read(body: JsonObject): Ask {
  const said = readMessages(body).map(readMessage);
  const maxTokens = readLimit(body, 'max_completion_tokens', 'max_tokens');
  const schema = readSchema(body.response_format);
  const options = isObject(body.stream_options) ? body.stream_options : {};
  return {
    model: asString(body.model) ?? '',
    stream: body.stream === true,
    wantsUsage: options.include_usage === true,
    ...(maxTokens !== undefined && { maxTokens }),
    ...(schema !== undefined && { schema }),
    tools: chosen(readTools(body.tools), body.tool_choice),
    parallel: body.parallel_tool_calls !== false,
    thinkingOff: body.reasoning_effort === 'none',
    ...readConversation(said),
  };
}

function readMessage(message: JsonObject): Said {
  const text = textOf(message.content);
  const thought = asString(message.reasoning_content);
  const isResult = message.role === 'tool';
  return {
    role: asString(message.role) ?? '',
    text: isResult ? '' : text,
    results: isResult ? [text] : [],
    thinking: thought === undefined || thought === '' ? [] : [{ text: thought }],
  };
}

function readTools(tools: Json | undefined): readonly AskedTool[] {
  if (!isArray(tools)) return [];
  return tools.flatMap((tool, index): readonly AskedTool[] => {
    if (!isObject(tool) || tool.type !== 'function') return [];
    const name = isObject(tool.function) ? asString(tool.function.name) : undefined;
    if (name === undefined || !isObject(tool.function))
      throw invalid(`tools[${index}].function`, `tools[${index}].function must have a name.`);
    return [{ name, schema: tool.function.parameters ?? {} }];
  });
}

function chosen(tools: readonly AskedTool[], choice: Json | undefined): readonly AskedTool[] {
  if (choice === 'none') return [];
  const name = isObject(choice) && isObject(choice.function) ? choice.function.name : undefined;
  return name === undefined ? tools : tools.filter((tool) => tool.name === name);
}

function readSchema(format: Json | undefined): Json | undefined {
  if (!isObject(format)) return undefined;
  if (format.type === 'json_object') return true;
  if (format.type !== 'json_schema') return undefined;
  return isObject(format.json_schema) ? (format.json_schema.schema ?? true) : true;
}

const FINISH: { readonly [finish in Finish]: string } = { stop: 'stop', length: 'length', 'tool-calls': 'tool_calls', refusal: 'stop' };

const usage = ({ input, cached, output, reasoning }: Usage): JsonObject => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: reasoning, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
});

const data = (value: JsonObject): string => `data: ${JSON.stringify(value)}\n\n`;

function writer(reply: Reply): Writer {
  let calls = 0;
  const head = { id: `chatcmpl-${reply.id}`, object: 'chat.completion.chunk', created: reply.created, model: reply.model };
  const noUsage = reply.wantsUsage ? { usage: null } : {};
  const chunk = (delta: JsonObject, finish: string | null = null): string =>
    data({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...noUsage });
  return {
    open: () => chunk({ role: 'assistant', content: '', refusal: null }),
    step: (step) => {
      switch (step.do) {
        case 'thought':
          return chunk({ reasoning_content: step.text });
        case 'word':
          return chunk({ content: step.text });
        case 'refuse':
          return chunk({ refusal: step.text });
        case 'call':
          calls += 1;
          return chunk({
            tool_calls: [{ index: calls - 1, id: `call_${step.id}`, type: 'function', function: { name: step.name, arguments: '' } }],
          });
        case 'input':
          return chunk({ tool_calls: [{ index: calls - 1, function: { arguments: step.text } }] });
        case 'finish': {
          const last = reply.wantsUsage ? data({ ...head, choices: [], usage: usage(reply.usage) }) : '';
          return `${chunk({}, FINISH[step.reason])}${last}data: [DONE]\n\n`;
        }
        default:
          // This form has no place for a signature, and a failure is not the writer's to tell.
          return '';
      }
    },
  };
}

function whole(reply: Reply): JsonObject {
  const said = (kind: 'word' | 'thought' | 'refuse'): string => reply.steps.map((step) => (step.do === kind ? step.text : '')).join('');
  const thought = said('thought');
  const calls = toolCalls(reply.steps);
  const finish = reply.steps.find((step) => step.do === 'finish')?.reason ?? 'stop';
  const message = {
    role: 'assistant',
    content: said('word') || null,
    refusal: said('refuse') || null,
    ...(thought !== '' && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  return {
    id: `chatcmpl-${reply.id}`,
    object: 'chat.completion',
    created: reply.created,
    model: reply.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: FINISH[finish] }],
    usage: usage(reply.usage),
  };
}

function toolCalls(steps: readonly Step[]): readonly JsonObject[] {
  const calls: { id: string; name: string; input: string }[] = [];
  for (const step of steps) {
    if (step.do === 'call') calls.push({ id: step.id, name: step.name, input: '' });
    const open = calls.at(-1);
    if (step.do === 'input' && open !== undefined) open.input += step.text;
  }
  return calls.map(({ id, name, input }) => ({ id: `call_${id}`, type: 'function', function: { name, arguments: input } }));
}

const TYPES: { readonly [status: number]: { readonly type: string; readonly code: string | null } | undefined } = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key' },
  429: { type: 'requests', code: 'rate_limit_exceeded' },
  503: { type: 'server_error', code: 'overloaded' },
};

function error({ status, message, details }: SandboxFault): JsonObject {
  const { type, code } = TYPES[status] ?? { type: status < 500 ? 'invalid_request_error' : 'server_error', code: null };
  return { error: { message, type: details.type ?? type, param: details.param ?? null, code: details.code ?? code } };
}

function errorFrame(fault: SandboxFault): string {
  return data(error(fault));
}
