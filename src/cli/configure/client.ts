import type { JsonObject } from '../../core/json.ts';

/** What a client is to be told. */
export interface Target {
  /** Of the gateway, without a slash at its end. */
  readonly origin: string;
  /** Of the MCP server. */
  readonly url: string;
  /** What the client is to call it. */
  readonly name: string;
  /** The key itself is written where the operator says so, and else the variable that holds it. */
  readonly key: { readonly variable: string } | { readonly value: string };
  /** The model that the client is to ask for, where it is told of one. */
  readonly model: string;
}

/** What stands in one of a client's own files. */
export interface FilePart {
  /** In the folder of the project, or below `~/`. */
  readonly path: string;
  readonly content: JsonFile | TomlFile;
}

/** Merged into what is there: objects key by key. */
export interface JsonFile {
  readonly form: 'json';
  readonly value: JsonObject;
  /** Where, among all of it, the server stands: what is there of this name must be the same server. */
  readonly server?: readonly string[];
}

/** Keys before the first table, and whole tables. */
export interface TomlFile {
  readonly form: 'toml';
  readonly keys: TomlTable;
  readonly tables: readonly { readonly path: readonly string[]; readonly keys: TomlTable }[];
}

export type TomlTable = { readonly [key: string]: string | boolean | { readonly [key: string]: string } };

/** A program that people talk to models and tools with. */
export interface Client {
  readonly name: string;
  readonly title: string;
  /** It asks for the key itself, and keeps it. */
  readonly asksForKey?: true;
  /** Its file for MCP servers; absent where it has none. */
  mcp?(target: Target): FilePart;
  /** A command that does the same, or uses it once. */
  command?(target: Target): string;
  /** What makes it ask its models of the gateway too; absent where that cannot be written down. */
  llm?(target: Target): { readonly files: readonly FilePart[]; readonly environment: Environment };
}

/** Variables, in the order in which they are set; each is a text or another variable. */
export type Environment = readonly (readonly [name: string, value: string | { readonly variable: string }])[];

/** The head that opens the gateway, where `reference` is how the client writes a variable. */
export const bearer = ({ key }: Target, reference: (variable: string) => string): JsonObject => ({
  Authorization: `Bearer ${'value' in key ? key.value : reference(key.variable)}`,
});

export const keyOf = ({ key }: Target): string | { readonly variable: string } => ('value' in key ? key.value : key);
