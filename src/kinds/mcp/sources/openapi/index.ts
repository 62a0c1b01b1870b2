import { z } from 'zod';
import { addressFault } from '../../../../core/address.ts';
import { GatewayError, outOfTime } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { accessOf, credentialProblems, credentialQuery, credentialShape, SourceCredential } from '../credential.ts';
import type { Ask, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource, OMITTED } from '../source.ts';
import { failed, Misuse, tooDeep } from '../tool-result.ts';
import { resultOf } from './answer.ts';
import { isOpenApi, RemoteDocument, serverOf } from './document.ts';
import { type Omitted, type Operation, readOperations } from './operations.ts';
import { requestOf } from './request.ts';

const globs = z.array(z.string().min(1).max(256)).max(256);

const config = z.strictObject({
  document: z.unknown().describe('The OpenAPI document (3.0 or 3.1) itself. One of `document` and `documentUrl`.').optional(),
  documentUrl: z
    .string()
    .max(2048)
    .optional()
    .describe('Where the document lies, as JSON. It is read when it is needed, and again every ten minutes.'),
  baseUrl: z.string().max(2048).optional().describe("Where the API answers; the document's first server when absent."),
  ...credentialShape,
  query: credentialQuery,
  include: globs
    .optional()
    .describe('Operations that are tools: an `operationId`, `GET /path`, or `tag:name`, with * for any text. All when absent.'),
  exclude: globs.optional().describe('Operations that are none, likewise.'),
  keep: z
    .record(z.string().max(64), z.array(z.string().min(1).max(256)).min(1).max(64))
    .optional()
    .describe('What is kept of the JSON answers of a tool, by its name: members, as `items.name`; lists are gone through.'),
  outputSchemas: z
    .boolean()
    .default(false)
    .describe('Whether tools say what their results look like. Clients refuse results that do not fit, so the document must be exact.'),
});

type Config = z.output<typeof config>;

/** Milliseconds for which clients may keep the list. */
const LISTED_FOR = 5 * 60_000;

interface Read {
  readonly document: JsonObject;
  readonly baseUrl: string;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly omitted: readonly Omitted[];
}

/** An HTTP API whose every operation is a tool. */
class OpenApi implements Source {
  readonly #config: Config;
  readonly #home: SourceHome;
  readonly #credential: SourceCredential;
  readonly #remote: RemoteDocument | undefined;
  #read: Read | undefined;

  constructor(settings: Config, home: SourceHome) {
    this.#config = settings;
    this.#home = home;
    this.#credential = new SourceCredential(settings, home);
    this.#remote = settings.documentUrl === undefined ? undefined : new RemoteDocument(settings.documentUrl, home);
  }

  async offer(context: SourceContext): Promise<Offer> {
    const { document } = await this.#opened(context);
    const info = isObject(document.info) ? document.info : {};
    const { title, version, description } = info;
    return {
      capabilities: { tools: {} },
      serverInfo: { name: typeof title === 'string' ? title : this.#home.name, version: typeof version === 'string' ? version : '0' },
      ...(typeof description === 'string' && description !== '' ? { instructions: description.slice(0, 4_096) } : {}),
    };
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    if (what !== 'tools') return { items: [] };
    if (cursor !== undefined) throw new RpcError(codes.invalidParams, 'There is one page only.');
    const { operations, omitted } = await this.#opened(context);
    return {
      items: [...operations.values()].map(({ tool }) => tool),
      ttlMs: LISTED_FOR,
      cacheScope: 'public',
      ...(omitted.length === 0 ? {} : { meta: { [OMITTED]: omitted.map((each) => ({ ...each })) } }),
    };
  }

  async request({ method, params }: Ask, context: SourceContext): Promise<Wire> {
    if (method !== 'tools/call') throw new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`);
    const { request: most } = this.#home.limits;
    if (params.text.length > most)
      throw new RpcError(codes.invalidParams, `The request is larger than the ${most} bytes that the operator allows.`);
    const { operations, baseUrl } = await this.#opened(context);
    const name = params.fields.get('name');
    const operation = typeof name === 'string' ? operations.get(name) : undefined;
    if (operation === undefined) throw new RpcError(codes.invalidParams, `Unknown tool: ${String(name).slice(0, 128)}`);
    const args = params.fields.get('arguments') ?? {};
    if (!isObject(args)) throw new RpcError(codes.invalidParams, '`arguments` must be an object.');
    return wireOf(await this.#call(operation, args, baseUrl, context));
  }

  async #call(operation: Operation, args: JsonObject, baseUrl: string, context: SourceContext): Promise<JsonObject> {
    const { limits } = this.#home;
    const timeout = AbortSignal.timeout(limits.timeout);
    try {
      const request = requestOf(operation, args, baseUrl);
      const signal = AbortSignal.any([context.signal, timeout]);
      const response = await this.#credential.through(context, this.#config.baseUrl ?? baseUrl).send({ ...request, signal });
      return await resultOf(response, { most: limits.result, keep: this.#config.keep?.[operation.name] });
    } catch (thrown) {
      if (thrown instanceof Misuse) return failed(thrown.message);
      context.signal.throwIfAborted();
      if (timeout.aborted) throw outOfTime(`The API did not answer within ${limits.timeout} ms.`);
      throw thrown;
    }
  }

  async #opened(context: SourceContext): Promise<Read> {
    const document = this.#remote === undefined ? asObject(this.#config.document) : await this.#remote.read(context);
    if (this.#read?.document === document) return this.#read;
    const baseUrl = this.#config.baseUrl ?? serverOf(document);
    if (baseUrl === undefined)
      throw new GatewayError('upstream_invalid', 'The OpenAPI document names no server, and the operator no `baseUrl`.');
    const { include, exclude, outputSchemas } = this.#config;
    const { operations, omitted } = readOperations(document, { include, exclude, outputSchemas, most: this.#home.limits.capabilities });
    this.#read = { document, baseUrl, operations: new Map(operations.map((each) => [each.name, each])), omitted };
    return this.#read;
  }
}

function wireOf(result: JsonObject): Wire {
  try {
    return Wire.of(result);
  } catch {
    return Wire.of(tooDeep());
  }
}

/** A document that came as JSON is JSON still. */
function asObject(value: unknown): JsonObject {
  if (!isObject(value)) throw new GatewayError('internal', 'A source without a document was opened.');
  return value;
}

const example: { readonly [name: string]: Json } = {
  openapi: '3.1.0',
  info: { title: 'Weather', version: '1' },
  servers: [{ url: 'https://weather.example.com/v1' }],
  paths: {
    '/cities/{city}': {
      get: { operationId: 'cityWeather', parameters: [{ name: 'city', in: 'path', required: true, schema: { type: 'string' } }] },
    },
  },
};

/** An API that an OpenAPI document describes. */
export const openapi = defineSource({
  kind: 'openapi',
  config,
  examples: [
    { document: example },
    {
      documentUrl: 'https://api.example.com/openapi.json',
      key: { secret: 'EXAMPLE_KEY' },
      header: 'x-api-key',
      include: ['tag:orders', 'GET *'],
    },
  ],
  problems({ document, documentUrl, baseUrl, ...settings }, { local }) {
    const own = document === undefined || !isObject(document) ? undefined : serverOf(document);
    const addresses = { documentUrl, baseUrl, ...(baseUrl === undefined ? { document: own } : {}) };
    return [
      ...((document === undefined) === (documentUrl === undefined)
        ? [{ path: 'document', message: 'must be given, or else documentUrl, and not both' }]
        : []),
      ...(document !== undefined && !isOpenApi(document) ? [{ path: 'document', message: 'is no OpenAPI 3 document' }] : []),
      ...(document !== undefined && baseUrl === undefined && own === undefined
        ? [{ path: 'baseUrl', message: 'must be given: the document names no server with a whole address' }]
        : []),
      ...credentialProblems(settings, { local }),
      ...(settings.auth !== undefined && documentUrl !== undefined && baseUrl === undefined
        ? [{ path: 'baseUrl', message: 'must be given with `auth`: what somebody consents to goes nowhere but there' }]
        : []),
      ...Object.entries(addresses).flatMap(([path, url]) => {
        if (url === undefined) return [];
        const parsed = URL.parse(url);
        const fault = parsed === null ? 'it is not a URL' : addressFault(parsed, local);
        return fault === undefined ? [] : [{ path, message: `is refused: ${fault}` }];
      }),
    ];
  },
  access: ({ document, documentUrl, baseUrl, ...settings }) =>
    accessOf(settings, baseUrl ?? (documentUrl === undefined && isObject(document) ? serverOf(document) : undefined)),
  open: (settings, home) => new OpenApi(settings, home),
});
