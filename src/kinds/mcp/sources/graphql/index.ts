import { z } from 'zod';
import { addressFault } from '../../../../core/address.ts';
import { GatewayError, outOfTime } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { accessOf, type CredentialContext, credentialProblems, credentialShape, SourceCredential } from '../credential.ts';
import type { Ask, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource, OMITTED } from '../source.ts';
import { failed, Misuse, said } from '../tool-result.ts';
import { resultOf } from './answer.ts';
import { executed, explored, type GenericTool, genericTools, INTROSPECT } from './generic.ts';
import { type GraphQlRequest, isWanted, type Omitted, type Operation, readOperations, requestOf } from './operations.ts';
import { RemoteSchema } from './remote.ts';
import { introspected, type Root, Schema } from './schema.ts';

const globs = z.array(z.string().min(1).max(256)).max(256);

const config = z.strictObject({
  url: z.string().max(2048).describe('Where the API answers.'),
  schema: z
    .unknown()
    .describe(
      'What the API says to an introspection query, with or without its `data`. It is asked itself, every ten minutes, when absent.',
    )
    .optional(),
  ...credentialShape,
  tools: z
    .enum(['operations', 'generic', 'both'])
    .default('operations')
    .describe('`operations`: a tool for each query and mutation. `generic`: one that searches the schema and one that takes documents.'),
  include: globs.optional().describe('Queries and mutations that can be asked for: `query.users`, with * for any text. All when absent.'),
  exclude: globs.optional().describe('Those that cannot, likewise.'),
  depth: z.int().min(1).max(8).default(3).describe('Selections within each other that are written for a tool, below its field.'),
  maxFields: z.int().min(1).max(2_000).default(100).describe('Fields that are selected for a tool.'),
  mutations: z.boolean().default(false).describe('Whether documents that a model writes may hold mutations.'),
  maxDepth: z.int().min(1).max(32).default(8).describe('Selections within each other in a document that a model writes.'),
  maxCost: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(2_000)
    .describe('Fields of a document that a model writes: those below a page of a list count as often as the page is long.'),
});

type Config = z.output<typeof config>;

/** Milliseconds for which clients may keep the list. */
const LISTED_FOR = 5 * 60_000;
/** GraphQL over HTTP (draft), section "Media Types". */
const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';

interface Read {
  readonly schema: Schema;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly omitted: readonly Omitted[];
}

/** By the schema, which no two sources with other settings have: sessions share what was read. */
const reads = new WeakMap<JsonObject, Read>();

/** A GraphQL API whose queries and mutations are tools. */
class GraphQl implements Source {
  readonly #config: Config;
  readonly #home: SourceHome;
  readonly #credential: SourceCredential;
  readonly #remote: RemoteSchema;
  readonly #generic: readonly GenericTool[];

  constructor(settings: Config, home: SourceHome) {
    this.#config = settings;
    this.#home = home;
    this.#credential = new SourceCredential(settings, home);
    const { schema: _, ...rest } = settings;
    const own = JSON.stringify([rest, home.limits.capabilities]);
    this.#remote = new RemoteSchema(
      own,
      (request, signal, { caller, principal, token }) => this.#post(request, signal, { caller, principal, token }),
      home,
    );
    this.#generic = settings.tools === 'operations' ? [] : genericTools(settings);
  }

  /** Nothing of it depends on the schema, so an API that is not there fails when it is used, and not before. */
  offer(): Offer {
    return { capabilities: { tools: {} }, serverInfo: { name: this.#home.name, version: '0' } };
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    if (what !== 'tools') return { items: [] };
    if (cursor !== undefined) throw new RpcError(codes.invalidParams, 'There is one page only.');
    const { operations, omitted } = await this.#opened(context);
    return {
      items: [...this.#generic.map(({ tool }) => tool), ...[...operations.values()].map(({ tool }) => tool)],
      ttlMs: LISTED_FOR,
      cacheScope: this.#credential.isPersonal ? 'private' : 'public',
      ...(omitted.length === 0 ? {} : { meta: { [OMITTED]: omitted.map((each) => ({ ...each })) } }),
    };
  }

  async request({ method, params }: Ask, context: SourceContext): Promise<Wire> {
    if (method !== 'tools/call') throw new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`);
    const { request: most } = this.#home.limits;
    if (params.text.length > most)
      throw new RpcError(codes.invalidParams, `The request is larger than the ${most} bytes that the operator allows.`);
    const read = await this.#opened(context);
    const name = params.fields.get('name');
    const args = params.fields.get('arguments') ?? {};
    if (!isObject(args)) throw new RpcError(codes.invalidParams, '`arguments` must be an object.');
    const operation = typeof name === 'string' ? read.operations.get(name) : undefined;
    const generic = this.#generic.find((each) => each.name === name);
    if (operation === undefined && generic === undefined)
      throw new RpcError(codes.invalidParams, `Unknown tool: ${String(name).slice(0, 128)}`);
    try {
      if (operation !== undefined) return await this.#call(requestOf(read.schema, operation, args, this.#config), context);
      const limits = { ...this.#config, isWanted: this.#isWanted };
      if (generic?.name === INTROSPECT) return Wire.of(said(explored(read.schema, args, this.#isWanted)));
      return await this.#call(executed(read.schema, args, limits), context);
    } catch (thrown) {
      if (thrown instanceof Misuse) return Wire.of(failed(thrown.message));
      throw thrown;
    }
  }

  readonly #isWanted = (root: Root, field: string): boolean => isWanted(this.#config, root, field);

  async #call(request: GraphQlRequest, context: SourceContext): Promise<Wire> {
    const { limits } = this.#home;
    const timeout = AbortSignal.timeout(limits.timeout);
    try {
      const response = await this.#post(request, AbortSignal.any([context.signal, timeout]), context);
      return await resultOf(response, limits.result);
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (timeout.aborted) throw outOfTime(`The API did not answer within ${limits.timeout} ms.`);
      throw thrown;
    }
  }

  #post(request: GraphQlRequest, signal: AbortSignal, context: CredentialContext): Promise<Response> {
    return this.#credential.through(context, this.#config.url).send({
      url: this.#config.url,
      method: 'POST',
      headers: { accept: ACCEPT, 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal,
    });
  }

  async #opened(context: SourceContext): Promise<Read> {
    const { schema: given, tools } = this.#config;
    const raw = given === undefined ? await this.#remote.read(context, this.#credential.whose(context)) : introspected(given);
    if (raw === undefined) throw new GatewayError('internal', 'A source with a schema that is none was opened.');
    const before = reads.get(raw);
    if (before !== undefined) return before;
    const schema = new Schema(raw);
    const taken = this.#generic.map(({ name }) => name);
    const { operations, omitted } =
      tools === 'generic'
        ? { operations: [], omitted: [] }
        : readOperations(schema, { ...this.#config, most: this.#home.limits.capabilities, taken });
    const read = { schema, operations: new Map(operations.map((each) => [each.name, each])), omitted };
    reads.set(raw, read);
    return read;
  }
}

const example: { readonly [name: string]: Json } = {
  __schema: {
    queryType: { name: 'Query' },
    types: [
      {
        kind: 'OBJECT',
        name: 'Query',
        fields: [
          {
            name: 'city',
            args: [{ name: 'name', type: { kind: 'NON_NULL', ofType: { kind: 'SCALAR', name: 'String' } } }],
            type: { kind: 'OBJECT', name: 'City' },
          },
        ],
      },
      { kind: 'OBJECT', name: 'City', fields: [{ name: 'temperature', args: [], type: { kind: 'SCALAR', name: 'Float' } }] },
      { kind: 'SCALAR', name: 'String' },
      { kind: 'SCALAR', name: 'Float' },
    ],
  },
};

/** A GraphQL API. */
export const graphql = defineSource({
  kind: 'graphql',
  config,
  examples: [
    { url: 'https://weather.example.com/graphql', schema: example },
    {
      url: 'https://api.example.com/graphql',
      key: { secret: 'EXAMPLE_KEY' },
      tools: 'both',
      include: ['query.*', 'mutation.createOrder'],
      exclude: ['query.internal*'],
    },
  ],
  problems({ url, schema, ...settings }, { local }) {
    const parsed = URL.parse(url);
    const fault = parsed === null ? 'it is not a URL' : addressFault(parsed, local);
    return [
      ...(fault === undefined ? [] : [{ path: 'url', message: `is refused: ${fault}` }]),
      ...(schema === undefined || introspected(schema) !== undefined
        ? []
        : [{ path: 'schema', message: 'is no introspection result: {"__schema": {"queryType": {"name": …}, "types": […]}}' }]),
      ...credentialProblems(settings, { local }),
    ];
  },
  access: ({ url, ...settings }) => accessOf(settings, url),
  open: (settings, home) => new GraphQl(settings, home),
});
