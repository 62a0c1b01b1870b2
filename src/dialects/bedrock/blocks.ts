import type { ChatChunk, Issuer, Signed } from '../../core/chat.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, memberOf } from './fields.ts';
import { readCarrier, readRedacted, readSignature } from './signatures.ts';

type Chunks = readonly ChatChunk[];

interface Block {
  readonly kind: 'text' | 'thinking' | 'tool' | 'raw';
  readonly part: number;
  /** Whether any of a tool's input has come. */
  spoken: boolean;
}

/** The content blocks of an answer, as far as they are known. */
export interface Blocks {
  /** Whose the signatures are that come unwrapped. */
  readonly issuer: Issuer;
  /** Blocks that have begun and not stopped, by index. Texts and reasoning begin with their first delta. */
  readonly open: Map<number, Block>;
  parts: number;
  /** Parts of tool calls by id, and signatures that came before their call. */
  readonly calls: Map<string, number>;
  readonly owed: Map<string, Required<Signed>>;
  lastText: number | undefined;
}

/** Content only this dialect understands: the event as it came, its index being the number of the part. */
const raw = (name: string, type: string, event: JsonObject, part: number): ChatChunk => ({
  type: 'raw',
  dialect: ID,
  name,
  value: { [type]: { ...event, contentBlockIndex: part } },
});

function begin(blocks: Blocks, index: number, kind: Block['kind']): Block {
  const block = { kind, part: blocks.parts++, spoken: false };
  blocks.open.set(index, block);
  return block;
}

/** The open block of this kind at this index, or a new one. */
function blockOf(blocks: Blocks, index: number, kind: Block['kind']): Block {
  const open = blocks.open.get(index);
  return open?.kind === kind ? open : begin(blocks, index, kind);
}

export function blockStart(blocks: Blocks, index: number, event: JsonObject): Chunks {
  const unstopped = close(blocks, index);
  const [name, start] = (isObject(event.start) ? memberOf(event.start) : undefined) ?? [];
  if (name === undefined) return unstopped;
  if (name !== 'toolUse' || !isObject(start) || typeof start.type === 'string') {
    const { part } = begin(blocks, index, 'raw');
    return [...unstopped, raw(name, 'contentBlockStart', event, part)];
  }
  const { part } = begin(blocks, index, 'tool');
  const id = asString(start.toolUseId) ?? '';
  blocks.calls.set(id, part);
  const signed = blocks.owed.get(id);
  return [
    ...unstopped,
    { type: 'tool-call', part, choice: 0, id, name: asString(start.name) ?? '' },
    ...(signed === undefined ? [] : [{ type: 'signature' as const, part, choice: 0, ...signed }]),
  ];
}

export function blockDelta(blocks: Blocks, index: number, event: JsonObject): Chunks {
  const open = blocks.open.get(index);
  const [name, delta] = (isObject(event.delta) ? memberOf(event.delta) : undefined) ?? [];
  if (name === undefined || delta === undefined) return [];
  if (open?.kind === 'raw') return [raw(name, 'contentBlockDelta', event, open.part)];
  return deltas.get(name)?.(blocks, index, delta) ?? [raw(name, 'contentBlockDelta', event, blockOf(blocks, index, 'raw').part)];
}

const deltas: ReadonlyMap<string, (blocks: Blocks, index: number, delta: Json) => Chunks> = new Map([
  ['text', textDelta],
  ['citation', citationDelta],
  ['reasoningContent', reasoningDelta],
  ['toolUse', toolDelta],
]);

function textDelta(blocks: Blocks, index: number, text: Json): Chunks {
  if (typeof text !== 'string' || text === '') return [];
  const { part } = blockOf(blocks, index, 'text');
  blocks.lastText = part;
  return [{ type: 'text', part, choice: 0, text }];
}

function citationDelta(blocks: Blocks, index: number, citation: Json): Chunks {
  const { part } = blockOf(blocks, index, 'text');
  return [raw('citations', 'contentBlockDelta', { delta: { citation } }, part)];
}

function reasoningDelta(blocks: Blocks, index: number, delta: Json): Chunks {
  if (!isObject(delta)) return [];
  const { text, signature, redactedContent: redacted } = delta;
  if (typeof redacted === 'string') return readRedactedDelta(blocks, index, redacted);
  const chunks: ChatChunk[] = [];
  if (typeof text === 'string' && text !== '') {
    chunks.push({ type: 'thinking', part: blockOf(blocks, index, 'thinking').part, choice: 0, text });
  }
  if (typeof signature === 'string' && signature !== '') {
    const { part } = blockOf(blocks, index, 'thinking');
    chunks.push({ type: 'signature', part, choice: 0, ...readSignature(signature, blocks.issuer) });
  }
  return chunks;
}

function readRedactedDelta(blocks: Blocks, index: number, redacted: string): Chunks {
  const carried = readCarrier(redacted);
  if (carried === undefined) {
    const { part } = begin(blocks, index, 'thinking');
    return [{ type: 'redacted-thinking', part, choice: 0, ...readRedacted(redacted, blocks.issuer) }];
  }
  const part = carried.target === '' ? (blocks.lastText ?? blocks.parts++) : blocks.calls.get(carried.target);
  if (part !== undefined) return [{ type: 'signature', part, choice: 0, ...carried.signed }];
  blocks.owed.set(carried.target, carried.signed);
  return [];
}

/** Input whose call was never named cannot be called. */
function toolDelta(blocks: Blocks, index: number, delta: Json): Chunks {
  const block = blocks.open.get(index);
  const text = isObject(delta) ? (asString(delta.input) ?? '') : '';
  if (block?.kind !== 'tool' || text === '') return [];
  block.spoken = true;
  return [{ type: 'tool-input', part: block.part, choice: 0, text }];
}

export function blockStop(blocks: Blocks, index: number, event: JsonObject): Chunks {
  const block = blocks.open.get(index);
  if (block?.kind !== 'raw') return close(blocks, index);
  blocks.open.delete(index);
  return [raw('contentBlockStop', 'contentBlockStop', event, block.part)];
}

/** Ends a block. A tool whose input never came was called without any. */
function close(blocks: Blocks, index: number): Chunks {
  const block = blocks.open.get(index);
  blocks.open.delete(index);
  if (block?.kind !== 'tool' || block.spoken) return [];
  return [{ type: 'tool-input', part: block.part, choice: 0, text: '{}' }];
}

export const closeAll = (blocks: Blocks): Chunks => [...blocks.open.keys()].flatMap((index) => close(blocks, index));
