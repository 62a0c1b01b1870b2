import { z } from 'zod';
import type { Json, JsonObject } from '../../core/json.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import { isOf, readUri } from './names.ts';
import { type ToolPrices, toolPrices } from './prices.ts';
import { type RouteScopes, routeScopes, scopesConfig } from './scopes.ts';
import { sources } from './sources/index.ts';
import type { SourceKind, SourceLimits } from './sources/source.ts';
import { ALL_SHOWN, type Showing, showing, showingOf } from './tools/showing.ts';
import { transforms } from './transforms/index.ts';
import type { TransformKind } from './transforms/transform.ts';

/**
 * What stands before the names of a source's things. Without `__` in it and without `_` at its end it can be told from the
 * name behind it, whatever that is: `acme` and `_status` never look like `acme_` and `status`.
 */
const prefix = z
  .string()
  .max(32)
  .regex(/^(?:[A-Za-z0-9](?:[A-Za-z0-9-]|_(?=[A-Za-z0-9-]))*)?$/, { error: 'holds letters, digits, - and single _ between them' });

const step = ({ use, config }: TransformKind) =>
  z.strictObject({ ...(config instanceof z.ZodObject ? config.shape : {}), use: z.literal(use) });

const [firstStep, ...otherSteps] = transforms.map(step);
/** One definition in the schema for editors, however many sources there are. */
const steps = z
  .array(firstStep === undefined ? z.never() : z.discriminatedUnion('use', [firstStep, ...otherSteps]))
  .max(32)
  .meta({ id: 'mcpTransforms' });

const shared = {
  name: z
    .string()
    .max(64)
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, { error: 'is not a name for a source' })
    .optional()
    .describe('Stands in the log, and in what clients are told where it fails; the prefix when absent, or else the place in the list.'),
  prefix: prefix
    .optional()
    .describe('Stands before the names of its tools and prompts, with "__" between; the name when absent. "": they stay as they are.'),
  transforms: steps.optional().describe('What is changed of it, one after the other; they name things as the source does.'),
};

const option = ({ kind, config }: SourceKind) =>
  z.strictObject({ ...(config instanceof z.ZodObject ? config.shape : {}), ...shared, kind: z.literal(kind) });

const [first, ...others] = sources.map(option);

const limits = z
  .strictObject({
    timeout: z
      .int()
      .min(10)
      .max(600_000)
      .optional()
      .describe('Milliseconds a server may be silent while it serves a request; 30,000 when absent.'),
    total: z
      .int()
      .min(10)
      .max(3_600_000)
      .optional()
      .describe('Milliseconds a server may take for one request in all, however often it tells of itself; 600,000 when absent.'),
    request: z.int().min(1024).max(16_777_216).optional().describe('Bytes of the parameters of one request; 262,144 when absent.'),
    result: z.int().min(1024).max(16_777_216).optional().describe('Bytes of one result; 2,097,152 when absent.'),
    capabilities: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Tools of one source at most, prompts and resources likewise; 500 when absent.'),
    longestName: z
      .union([z.literal(64), z.literal(128)])
      .optional()
      .describe('Characters of a tool or prompt name with its prefix; many models take 64 and no more, which it is when absent.'),
    session: z
      .int()
      .min(1_000)
      .max(604_800_000)
      .optional()
      .describe('Milliseconds after which a session that nobody uses ends; 3,600,000 when absent.'),
    listing: z
      .int()
      .min(10)
      .max(600_000)
      .optional()
      .describe('Milliseconds for which lists of several servers wait for one of them; 5,000 when absent.'),
    fresh: z
      .int()
      .min(0)
      .max(300_000)
      .optional()
      .describe('Milliseconds for which a list is kept whose server does not say for how long; 0: not at all; 30,000 when absent.'),
    page: z.int().min(1).max(10_000).optional().describe('Things on one page of a list of several servers; 1,000 when absent.'),
    kept: z
      .int()
      .min(0)
      .max(67_108_864)
      .optional()
      .describe('Bytes of pages that stay in the memory of an isolate as they are sent; 16,777,216 when absent.'),
  })
  .describe('What one request to a server may be.');

/** What a route of kind `mcp` has beside its name. */
export const mcpShape = {
  sources: z
    .array(first === undefined ? z.never() : z.discriminatedUnion('kind', [first, ...others]))
    .min(1)
    .max(32)
    .describe('The servers behind it, whose tools, prompts and resources it has together.'),
  transforms: steps.optional().describe('What is changed of every source, after its own; they name things as clients see them.'),
  policies: z
    .array(z.looseObject({ use: z.string() }))
    .max(64)
    .optional()
    .describe('What holds for all that passes between clients and servers, after the policies of the document.'),
  limits: limits.optional(),
  audit: z.boolean().optional().describe('Whether every call of a tool is an entry in the audit of its organisation; not when absent.'),
  tools: showing.optional(),
  prices: toolPrices
    .optional()
    .describe(
      'US dollars a call, by the name of a tool as clients see it; "*" stands for any text. Of several that fit, the longest holds.',
    ),
  scopes: scopesConfig.optional(),
  origins: z
    .array(z.string().max(256))
    .max(64)
    .optional()
    .describe(
      'Origins of pages that may use it from a browser, such as "https://chat.example.com"; "*": any. None but its own when absent.',
    ),
};

export const mcpConfig = z.strictObject(mcpShape);
export type McpDocument = z.output<typeof mcpConfig>;

/** One source of a route, compiled. */
export interface McpSource {
  readonly kind: SourceKind;
  readonly name: string;
  readonly prefix: string;
  readonly settings: unknown;
  readonly transforms: readonly McpTransform[];
}

/** One transform of a source or a route, compiled. */
export interface McpTransform {
  readonly kind: TransformKind;
  readonly settings: unknown;
}

export interface McpLimits extends SourceLimits {
  readonly longestName: number;
  /** Milliseconds for which a session is kept that nobody uses. */
  readonly session: number;
  /** Milliseconds for which a list of several sources waits for one of them. */
  readonly listing: number;
  /** Milliseconds for which a list is kept whose source does not say for how long. */
  readonly fresh: number;
  /** Things on one page of a list of several sources. */
  readonly page: number;
  /** Bytes of pages that are kept as they are sent. */
  readonly kept: number;
}

/** A route of kind `mcp`, compiled. */
export class McpSettings {
  constructor(
    readonly sources: readonly McpSource[],
    /** Of every source, after its own. */
    readonly transforms: readonly McpTransform[],
    readonly limits: McpLimits,
    /** As the operator wrote it, for where it is compiled anew. */
    readonly document: JsonObject,
    /** Origins of pages that may use it. */
    readonly origins: readonly string[],
    /** What of the tools clients are listed. */
    readonly showing: Showing = ALL_SHOWN,
    /** Those of the whole document first. */
    readonly policies: readonly PlanPolicy[] = [],
  ) {}

  /** Whether its calls of tools are in the audit. */
  get audits(): boolean {
    return this.document.audit === true;
  }

  #prices: ToolPrices | undefined;
  #scopes: RouteScopes | undefined;

  /** What tokens of callers must be good for. */
  get scopes(): RouteScopes {
    this.#scopes ??= routeScopes(this.document.scopes);
    return this.#scopes;
  }

  /** What calls of its tools cost. */
  get prices(): ToolPrices {
    this.#prices ??= toolPrices.parse(this.document.prices ?? {});
    return this.#prices;
  }

  /** The name of the source that something is of, as far as its own name tells. */
  sourceOf(exposed: string): string | undefined {
    const { prefix } = readUri(exposed);
    const named = this.sources.find((each) => isOf(each.prefix, exposed) || (prefix !== '' && each.prefix === prefix));
    const unnamed = this.sources.filter((each) => each.prefix === '');
    return named?.name ?? (unnamed.length === 1 ? unnamed[0]?.name : undefined);
  }
}

export const DEFAULT_MCP_LIMITS: McpLimits = {
  timeout: 30_000,
  total: 600_000,
  request: 256 * 1024,
  result: 2 * 1024 * 1024,
  capabilities: 500,
  longestName: 64,
  session: 3_600_000,
  listing: 5_000,
  fresh: 30_000,
  page: 1_000,
  kept: 16 * 1024 * 1024,
};

export interface McpProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** `document` fits `mcpConfig`. What the schema cannot say is among the problems. */
export function compileMcp(
  document: McpDocument,
  place: { readonly local: boolean },
  policies: readonly PlanPolicy[] = [],
): { readonly settings: McpSettings; readonly problems: readonly McpProblem[] } {
  const problems: McpProblem[] = [];
  const compiled: McpSource[] = [];
  for (const [at, entry] of document.sources.entries()) {
    const { kind: id, name: named, prefix: written, transforms: steps, ...rest }: { [key: string]: unknown } & SharedFields = entry;
    const kind = sources.find((each) => each.kind === id);
    if (kind === undefined) continue;
    const name = named ?? (written === undefined || written === '' ? `source${at + 1}` : written);
    const own = prefix.safeParse(written ?? name.replaceAll('.', '-'));
    if (!own.success)
      problems.push({ path: ['sources', at, 'prefix'], message: 'must be given: the name is not one that can stand before names' });
    const settings = kind.config.parse(rest);
    for (const { path, message } of kind.problems?.(settings, place) ?? []) problems.push({ path: ['sources', at, path], message });
    if (compiled.some((each) => each.name === name)) problems.push({ path: ['sources', at, 'name'], message: `is used twice: "${name}"` });
    const changes = compileTransforms(steps, ['sources', at, 'transforms'], problems);
    compiled.push({ kind, name, prefix: own.data ?? '', settings, transforms: changes });
  }
  const taken = new Set<string>();
  for (const [at, { prefix: each }] of compiled.entries()) {
    if (each !== '' && taken.has(each)) problems.push({ path: ['sources', at, 'prefix'], message: `is used twice: "${each}"` });
    taken.add(each);
  }
  const changes = compileTransforms(document.transforms, ['transforms'], problems);
  return {
    settings: new McpSettings(
      compiled,
      changes,
      { ...DEFAULT_MCP_LIMITS, ...given(document.limits) },
      asJson(document),
      document.origins ?? [],
      showingOf(document.tools),
      policies,
    ),
    problems,
  };
}

function compileTransforms(written: McpDocument['transforms'], path: McpProblem['path'], problems: McpProblem[]): readonly McpTransform[] {
  return (written ?? []).flatMap(({ use, ...rest }: { readonly use: string; readonly [setting: string]: unknown }, at) => {
    const kind = transforms.find((each) => each.use === use);
    if (kind === undefined) return [];
    const settings = kind.config.parse(rest);
    for (const found of kind.problems?.(settings) ?? []) problems.push({ path: [...path, at, found.path], message: found.message });
    return [{ kind, settings }];
  });
}

interface SharedFields {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly prefix?: string | undefined;
  readonly transforms?: McpDocument['transforms'];
}

function given(written: McpDocument['limits']): Partial<McpLimits> {
  const said: { [name: string]: number } = {};
  for (const [name, value] of Object.entries(written ?? {})) if (value !== undefined) said[name] = value;
  return said;
}

/** A document that came as JSON is JSON still. */
function asJson(document: McpDocument): JsonObject {
  const copy: Json = JSON.parse(JSON.stringify(document));
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy) ? (copy as JsonObject) : {};
}
