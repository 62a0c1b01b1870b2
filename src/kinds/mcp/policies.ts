import { hasSingleMembers } from '../../core/cache/single-members.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Chunk, Exchange } from '../../core/exchange.ts';
import type { JsonObject } from '../../core/json.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import type { Given, Outcome } from '../../core/policy.ts';
import { PolicyChain } from '../../core/run.ts';
import { Wire } from '../../core/wire.ts';
import type { SourceContext } from './sources/source.ts';
import { BREAK, McpCall, mcpSurface, withTexts } from './surface.ts';
import { RpcError } from './wire/errors.ts';

/** What a client asks for, as far as policies may change it. */
interface Asked {
  readonly method: string;
  readonly params: Wire;
}

/** What says how the gateway and its servers are; a policy looks at what is done with them. */
const QUIET = new Set([
  ...['ping', 'initialize', 'server/discover', 'logging/setLevel'],
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
]);

/** The policies of a route around everything that passes between its clients and its servers, whichever way and in either era. */
export class RoutePolicies {
  readonly #policies: readonly PlanPolicy[];

  constructor(policies: readonly PlanPolicy[] = []) {
    this.#policies = policies;
  }

  /** Throws a policy's refusal, and what `serve` throws, with the texts of it changed. */
  async request<A extends Asked>(
    asked: A,
    context: SourceContext,
    serve: (asked: A, context: SourceContext) => Promise<Wire>,
  ): Promise<Wire> {
    if (this.#policies.length === 0 || QUIET.has(asked.method)) return serve(asked, context);
    return this.#around(new McpCall(asked.method, asked.params), context, async ({ wire }, passage) => {
      const result = await serve({ ...asked, params: wire }, this.#inside(context, passage)).catch(async (thrown: unknown) => {
        throw thrown instanceof RpcError ? await passage.error(thrown) : thrown;
      });
      return passage.wire(result);
    });
  }

  /** What a client tells its servers. A notification that is refused is not handed on. */
  async notify(asked: Asked, context: SourceContext, serve: (params: JsonObject) => Promise<void>): Promise<void> {
    if (this.#policies.length === 0) return serve(asked.params.json());
    await this.#around(new McpCall(asked.method, asked.params), context, async ({ wire }) => {
      await serve(wire.json());
      return wire;
    });
  }

  /** As long as a client listens. Each thing that it is told stands for itself: what is refused is not told. */
  async listen(context: SourceContext, serve: (context: SourceContext) => Promise<void>): Promise<void> {
    if (this.#policies.length === 0) return serve(context);
    const alone = async (method: string, params: JsonObject) =>
      (await this.#around(new McpCall(method, Wire.of({})), context, async (_, passage) => Wire.of(await passage.object(params)))).json();
    let turn = Promise.resolve();
    await serve({
      ...context,
      notify: (method, params) => {
        turn = turn.then(async () => context.notify(method, await alone(method, params))).catch(() => undefined);
      },
      ask: async ({ method, params }) =>
        this.#answered(method, await context.ask({ method, params: await alone(method, params) }), context),
    });
    await turn;
  }

  /** A source's questions are part of the reply; what the client answers is a call of its own. */
  #inside(context: SourceContext, passage: Passage): SourceContext {
    return {
      ...context,
      notify: (method, params) => passage.tell(params, (said) => context.notify(method, said)),
      ask: async ({ method, params }) =>
        this.#answered(method, await context.ask({ method, params: await passage.object(params) }), context),
    };
  }

  async #answered(method: string, answer: JsonObject, context: SourceContext): Promise<JsonObject> {
    return (await this.#around(new McpCall(method, Wire.of(answer)), context, async ({ wire }) => wire)).json();
  }

  async #around(asked: McpCall, context: SourceContext, serve: (call: McpCall, passage: Passage) => Promise<Wire>): Promise<Wire> {
    const chain = new PolicyChain(this.#policies, exchangeOf(context));
    let outcome: Outcome = { status: 'failed', httpStatus: 500 };
    try {
      const admitted = await chain.admit(asked);
      const passage = new Passage(chain);
      const result = 'answer' in admitted ? await given(admitted, asked, passage) : await serve(admitted.call, passage);
      await passage.end();
      outcome = { status: 'complete', httpStatus: 200 };
      return result;
    } catch (thrown) {
      const error = thrown instanceof RpcError ? undefined : GatewayError.from(thrown);
      outcome = context.signal.aborted
        ? { status: 'aborted', httpStatus: 499 }
        : { status: 'failed', httpStatus: error?.status ?? 200, ...(error === undefined ? {} : { error }) };
      throw thrown;
    } finally {
      await chain.end(outcome);
    }
  }
}

function exchangeOf({ call, caller, signal }: SourceContext): Exchange {
  // Better nothing is served than something that no policy has seen.
  if (call === undefined) throw new GatewayError('internal', 'A route with policies was asked by nobody.');
  const { requestId: id, route, who, ports, note } = call;
  const { run, user, metadata } = caller;
  return { id, who, route: { name: route, kind: 'mcp' }, surface: mcpSurface, ports, run, user, metadata, signal, note };
}

/** One reply on its way out: its texts pass the policies one message after the other. */
class Passage {
  readonly #chain: PolicyChain;
  #next = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(chain: PolicyChain) {
    this.#chain = chain;
  }

  async wire(result: Wire): Promise<Wire> {
    if (this.#chain.touches === 'nothing') return this.#inTurn(async () => result);
    const before = result.json();
    const after = await this.object(before);
    const names = Object.keys(after).filter((name) => after[name] !== before[name]);
    // Of a member that stands twice, what leaves is the one that was looked at.
    if (!hasSingleMembers(result.text, before)) return Wire.of(after);
    return names.length === 0 ? result : result.with(Object.fromEntries(names.map((name) => [name, after[name]])));
  }

  async error({ code, message, data, status, isForeign }: RpcError): Promise<RpcError> {
    const said = await this.object({ message, ...(data === undefined ? {} : { data }) });
    const text = typeof said.message === 'string' ? said.message : message;
    return new RpcError(code, text, { data: said.data, isForeign, ...(status === undefined ? {} : { status }) });
  }

  /** Tells it in its turn: what was told before a result leaves before it. */
  tell(params: JsonObject, hand: (params: JsonObject) => void): void {
    const told = this.object(params).then(hand);
    const turn = this.#turn;
    this.#turn = Promise.all([turn, told]);
    // Who waits for its turn is told what went wrong.
    this.#turn.catch(() => undefined);
  }

  async chunks(chunks: readonly Chunk[], take: (chunk: Chunk) => void): Promise<void> {
    for (const chunk of chunks) for (const each of await this.#chain.chunk(chunk)) take(each);
  }

  async end(): Promise<void> {
    await this.#inTurn(() => this.#chain.chunk({ type: 'end' }));
  }

  object<T extends JsonObject>(value: T): Promise<T> {
    if (this.#chain.touches === 'nothing') return this.#inTurn(async () => value);
    return this.#inTurn(async () => {
      const texts: string[] = [];
      withTexts(value, (text) => {
        texts.push(text);
        return text;
      });
      const edited = (await this.#texts(texts)).values();
      return withTexts(value, (text) => edited.next().value ?? text);
    });
  }

  async #texts(texts: readonly string[]): Promise<readonly string[]> {
    const first = this.#next;
    this.#next += texts.length;
    const out = texts.map(() => '');
    const parts = texts.map((text, at): Chunk => ({ type: 'text', part: first + at, choice: 0, text }));
    await this.chunks([...parts, BREAK], (chunk) => {
      const piece = mcpSurface.textOf(chunk);
      const at = (piece?.part ?? -1) - first;
      if (piece !== undefined && at in out) out[at] = (out[at] ?? '') + piece.text;
    });
    return out;
  }

  /** Policies read one chunk after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done;
    this.#turn.catch(() => undefined);
    return done;
  }
}

/** An answer that a policy gave, as the result of a tool: nothing else can be made of texts. */
async function given({ answer }: Given, { method }: McpCall, passage: Passage): Promise<Wire> {
  if (method !== 'tools/call') throw new GatewayError('not_supported', 'A policy of this route answers calls of tools alone.');
  const texts = new Map<number, string>();
  const take = (chunk: Chunk) => {
    const piece = mcpSurface.textOf(chunk);
    if (piece !== undefined) texts.set(piece.part, (texts.get(piece.part) ?? '') + piece.text);
  };
  for await (const chunks of Symbol.asyncIterator in answer ? answer : [answer]) {
    await passage.chunks(
      chunks.filter((chunk) => !mcpSurface.isLast(chunk)),
      take,
    );
  }
  return Wire.of({ content: [...texts.values()].map((text) => ({ type: 'text', text })) });
}
