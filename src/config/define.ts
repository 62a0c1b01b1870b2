import type { TargetDocument } from './model-schema.ts';
import type { LimitsDocument, ProviderDocument, StateDocument } from './schema.ts';

/** A policy by name, with its own settings beside it: `{ use: 'headers', … }`. */
export interface PolicyDocument {
  readonly use: string;
  readonly [setting: string]: unknown;
}

/** Milliseconds. */
export interface TimeoutDocument {
  readonly firstToken?: number;
  readonly idle?: number;
  readonly total?: number;
}

export interface ModelDocument {
  /** `failover` when absent: the targets in their order. */
  readonly strategy?: string;
  readonly targets: readonly TargetDocument[];
  readonly retry?: { readonly attempts?: number };
  readonly timeout?: TimeoutDocument;
  /** The strategy's own settings. */
  readonly settings?: { readonly [setting: string]: unknown };
}

export interface LlmRouteDocument {
  readonly name: string;
  readonly kind: 'llm';
  /** After the document's own policies. */
  readonly policies?: readonly PolicyDocument[];
}

/** What is changed of a server, with its own settings beside it: `{ use: 'filter', … }`. */
export interface McpTransformDocument {
  readonly use: string;
  readonly [setting: string]: unknown;
}

/** An MCP server at `/mcp/{name}`, made of others. */
export interface McpRouteDocument {
  readonly name: string;
  readonly kind: 'mcp';
  readonly sources: readonly {
    readonly kind: string;
    readonly name?: string;
    /** `""`: names stay as they are. */
    readonly prefix?: string;
    /** They name things as the source does. */
    readonly transforms?: readonly McpTransformDocument[];
    readonly [setting: string]: unknown;
  }[];
  /** Of every source, after its own; they name things as clients see them. */
  readonly transforms?: readonly McpTransformDocument[];
  readonly limits?: { readonly [limit: string]: number };
}

export type RouteDocument = LlmRouteDocument | McpRouteDocument;

/** Who may ask without a key of this gateway: its own settings stand beside these. */
export interface IdentityDocument {
  readonly use: string;
  readonly name: string;
  /** As whom its calls count; texts may hold places such as `{claims.azp}`. */
  readonly as?: {
    readonly app: string;
    readonly org?: string;
    readonly team?: string;
    readonly user?: string;
    readonly metadata?: { readonly [name: string]: string };
  };
  /** In addition to those of the app and what is above it. */
  readonly limits?: readonly { readonly unit: string; readonly limit: number; readonly window?: string; readonly per?: string }[];
  readonly [setting: string]: unknown;
}

/** The configuration document. */
export interface ConfigDocument {
  readonly $schema?: string;
  /** By id. Built-in ids need only a key, and not even that when their usual secret is set. */
  readonly providers?: { readonly [id: string]: ProviderDocument };
  /** Virtual models by name: one target, a list tried in order, or all of it. `provider/model` always works too. */
  readonly models?: { readonly [name: string]: string | readonly TargetDocument[] | ModelDocument };
  /** Around every route, in this order. */
  readonly policies?: readonly PolicyDocument[];
  readonly routes?: readonly RouteDocument[];
  readonly limits?: LimitsDocument;
  readonly state?: StateDocument;
  readonly identities?: readonly IdentityDocument[];
}

/** Types the bundled document for the editor; it is checked whole when it is compiled. */
export const defineConfig = (document: ConfigDocument): ConfigDocument => document;
