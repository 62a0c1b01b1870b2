import type { ChatChunk } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import type { OwnTool } from './own-tools.ts';

export type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;
export type Events = readonly JsonObject[];

/** A content part of the open message, or the summary of the open reasoning. */
export interface OpenContent {
  readonly part: number;
  readonly kind: 'text' | 'refusal' | 'thinking';
  text: string;
  annotations: JsonObject[];
}

export interface OpenItem {
  readonly index: number;
  readonly id: string;
  /** Its content parts that have ended. */
  readonly contents: JsonObject[];
  content: OpenContent | undefined;
  sealed: string | undefined;
}

export interface OpenCall {
  readonly index: number;
  readonly id: string;
  readonly callId: string;
  readonly tool: OwnTool;
  /** Whether its input is a text inside JSON, as a model was told to call it who knows nothing else. */
  readonly wrapped: boolean;
  input: string;
}

/** The items of an answer while they are written. */
export interface Writing {
  /** What the ids of its items end in. */
  suffix: string;
  readonly loss: Set<string>;
  /** The caller's own tools, by the names under which a model of another dialect calls them. */
  readonly tools: () => ReadonlyMap<string, OwnTool>;
  /** Items as they are so far; what is open stands here as it began. */
  readonly output: JsonObject[];
  message: OpenItem | undefined;
  reasoning: OpenItem | undefined;
  /** Calls that are open side by side, by part: their input may come by turns. */
  readonly calls: Map<number, OpenCall>;
  /** Places in the output of items that only this dialect knows, by part. */
  readonly raws: Map<number, number>;
  readonly callIds: Map<number, string>;
  readonly texts: Set<number>;
}

export const newWriting = (tools: Writing['tools']): Writing => ({
  suffix: '',
  loss: new Set(),
  tools,
  output: [],
  message: undefined,
  reasoning: undefined,
  calls: new Map(),
  raws: new Map(),
  callIds: new Map(),
  texts: new Set(),
});

export type ItemStatus = 'completed' | 'incomplete';

/** Begins the next item of the output. */
export function addItem(
  writing: Writing,
  prefix: string,
  item: JsonObject,
): { readonly index: number; readonly id: string; readonly event: JsonObject } {
  const index = writing.output.length;
  const id = `${prefix}_${writing.suffix}${index}`;
  const begun = { id, ...item };
  writing.output.push(begun);
  return { index, id, event: { type: 'response.output_item.added', output_index: index, item: begun } };
}

/** Ends an item as it stands now. */
export function endItem(writing: Writing, index: number, item: JsonObject): JsonObject {
  writing.output[index] = item;
  return { type: 'response.output_item.done', output_index: index, item };
}
