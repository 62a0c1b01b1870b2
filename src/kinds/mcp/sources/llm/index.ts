import { z } from 'zod';
import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import type { Ask, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource } from '../source.ts';
import { failed, Misuse } from '../tool-result.ts';
import { answerOf, type Output } from './answer.ts';

const schema = z.record(z.string(), z.json());

const tool = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'is not a name for a tool' })
    .describe('What clients call it by, behind the prefix of the source.'),
  title: z.string().min(1).max(200).optional(),
  description: z.string().min(1).max(10_000).describe('What it is for, as the model that may call it is told.'),
  model: z.string().min(1).max(200).describe('Whom it asks: a virtual model, or `provider/model`.'),
  system: z.string().min(1).max(100_000).optional().describe("The operator's instructions; callers do not see them."),
  output: z
    .union([schema, z.literal('asked')])
    .optional()
    .describe('A JSON Schema of an object that it answers with; "asked": callers may give one. Text when absent.'),
  maxTokens: z.int().min(1).max(1_000_000).optional().describe("Tokens of an answer at most; the model's own bound when absent."),
  temperature: z.number().min(0).max(2).optional().describe("The model's own when absent."),
});

const config = z.strictObject({
  tools: z.array(tool).min(1).max(100).describe('One model with its instructions each.'),
});

type Config = z.output<typeof config>;
type Tool = Config['tools'][number];

/** Milliseconds for which clients may keep the list: a new revision of the document has other settings. */
const LISTED_FOR = 5 * 60_000;

/** The gateway's own models as tools. What a tool asks is a call of its caller's, by all that holds for one. */
class Models implements Source {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #home: SourceHome;

  constructor({ tools }: Config, home: SourceHome) {
    this.#tools = new Map(tools.map((each) => [each.name, each]));
    this.#home = home;
  }

  offer(): Offer {
    return { capabilities: { tools: {} }, serverInfo: { name: this.#home.name, version: '0' } };
  }

  list(what: Listing, cursor: string | undefined): Page {
    if (what !== 'tools') return { items: [] };
    if (cursor !== undefined) throw new RpcError(codes.invalidParams, 'There is one page only.');
    return { items: [...this.#tools.values()].map(listed), ttlMs: LISTED_FOR, cacheScope: 'public' };
  }

  async request({ method, params }: Ask, context: SourceContext): Promise<Wire> {
    if (method !== 'tools/call') throw new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`);
    const name = params.fields.get('name');
    const asked = typeof name === 'string' ? this.#tools.get(name) : undefined;
    if (asked === undefined) throw new RpcError(codes.invalidParams, `Unknown tool: ${String(name).slice(0, 128)}`);
    const { limits } = this.#home;
    if (params.text.length > limits.request)
      throw new RpcError(codes.invalidParams, `The request is larger than the ${limits.request} bytes that the operator allows.`);
    const args = params.fields.get('arguments') ?? {};
    if (!isObject(args)) throw new RpcError(codes.invalidParams, '`arguments` must be an object.');
    try {
      const { prompt, output } = readArguments(asked, args);
      return Wire.of(await this.#ask(asked, prompt, output, context));
    } catch (thrown) {
      if (thrown instanceof Misuse) return Wire.of(failed(thrown.message));
      throw thrown;
    }
  }

  async #ask(asked: Tool, prompt: string, output: Output | undefined, context: SourceContext): Promise<JsonObject> {
    const { call } = context;
    if (call?.chat === undefined) throw new GatewayError('internal', 'A tool of a model was called by nobody.');
    const { timeout, result } = this.#home.limits;
    const over = AbortSignal.timeout(timeout);
    try {
      const response = await call.chat(bodyOf(asked, prompt, output), AbortSignal.any([context.signal, over]));
      const { told, facts } = await answerOf(response, output, result);
      call.note(`llm.${this.#home.name}`, facts);
      return told;
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (over.aborted) throw new GatewayError('upstream_timeout', `The model did not answer within ${timeout} ms.`);
      throw thrown;
    }
  }
}

function listed({ name, title, description, output }: Tool): JsonObject {
  const properties: { [name: string]: Json } = { prompt: { type: 'string', description: 'What the model is asked.' } };
  if (output === 'asked') {
    properties.schema = { type: 'object', description: 'A JSON Schema of the object that it is to answer with. Text when absent.' };
  }
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description,
    inputSchema: { type: 'object', properties, required: ['prompt'], additionalProperties: false },
    ...(isObject(output) ? { outputSchema: output } : {}),
    annotations: { readOnlyHint: true, openWorldHint: false },
  };
}

/** Throws `Misuse`: a model called the tool, and may call it better. */
function readArguments(
  { output }: Tool,
  { prompt, schema: asked, ...rest }: JsonObject,
): { readonly prompt: string; readonly output: Output | undefined } {
  if (typeof prompt !== 'string' || prompt === '') throw new Misuse('`prompt` must be a text.');
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Misuse(`There is no argument \`${unknown.slice(0, 64)}\`.`);
  if (asked === undefined) return { prompt, output: isObject(output) ? { schema: output, isTrusted: true } : undefined };
  if (output !== 'asked') throw new Misuse('There is no argument `schema`.');
  if (!isObject(asked) || asked.type !== 'object')
    throw new Misuse('`schema` must be the JSON Schema of an object: {"type": "object", …}.');
  return { prompt, output: { schema: asked, isTrusted: false } };
}

/** A chat call in OpenAI's form, whatever the model speaks. */
function bodyOf({ name, model, system, maxTokens, temperature }: Tool, prompt: string, output: Output | undefined): JsonObject {
  const messages = [...(system === undefined ? [] : [{ role: 'system', content: system }]), { role: 'user', content: prompt }];
  return {
    model,
    messages,
    ...(maxTokens === undefined ? {} : { max_completion_tokens: maxTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(output === undefined ? {} : { response_format: { type: 'json_schema', json_schema: { name, schema: output.schema } } }),
  };
}

/** Weir's own models. */
export const llm = defineSource({
  kind: 'llm',
  config,
  examples: [
    {
      tools: [
        {
          name: 'summarise',
          description: 'Makes a long text short.',
          model: 'smart',
          system: 'Answer in three sentences.',
          maxTokens: 300,
        },
        {
          name: 'sentiment',
          description: 'Says how a text is meant.',
          model: 'openai/gpt-5-mini',
          output: {
            type: 'object',
            properties: { mood: { enum: ['good', 'bad', 'neither'] } },
            required: ['mood'],
            additionalProperties: false,
          },
        },
        { name: 'ask', description: 'Answers as it is asked to.', model: 'smart', output: 'asked' },
      ],
    },
  ],
  problems({ tools }) {
    const names = tools.map(({ name }) => name);
    return tools.flatMap(({ name, output }, at) => [
      ...(names.indexOf(name) === at ? [] : [{ path: 'tools', message: `has two of the name "${name}"` }]),
      ...(isObject(output) && output.type !== 'object'
        ? [{ path: 'tools', message: `has an output of "${name}" that is not of type "object", which a result of a tool must be` }]
        : []),
    ]);
  },
  open: (settings, home) => new Models(settings, home),
});
