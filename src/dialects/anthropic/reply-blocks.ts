import type { ChatChunk, Issuer, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { wrapSignature } from '../../core/signature.ts';
import { carrierBlock, ISSUER } from './signatures.ts';

export type Chunk<Type extends ChatChunk['type']> = Extract<ChatChunk, { readonly type: Type }>;
export type Events = readonly JsonObject[];

interface Block {
  readonly index: number;
  readonly kind: 'text' | 'thinking' | 'tool' | 'custom-tool' | 'raw';
  /** The id of a tool's call. */
  readonly id: string;
  /** Input of a custom tool: plain text, which must be wrapped whole to be JSON. */
  held: string;
}

export interface Writing {
  readonly options: ReplyWriterOptions;
  readonly loss: Set<string>;
  /** The open blocks by part: one, or several of tools that are called in parallel. */
  readonly open: Map<number, Block>;
  /** The parts that are texts. */
  readonly texts: Set<number>;
  /** A tool call that has begun: the block of its signature, which comes next if there is one, goes before its own. */
  call: Chunk<'tool-call'> | undefined;
  /** Blocks that belong beside others and must wait until those have ended. */
  owed: JsonObject[];
  start: Chunk<'start'> | undefined;
  begun: boolean;
  over: boolean;
  blocks: number;
  usage: Usage | undefined;
  finish: Chunk<'finish'> | undefined;
  /** Facts about the whole message that only this dialect has. */
  delta: JsonObject;
  message: JsonObject;
}

const isTool = (kind: Block['kind']) => kind === 'tool' || kind === 'custom-tool';

/** Begins a block. Only tools stay open side by side, as their arguments may come by turns. */
export function open(writing: Writing, part: number, kind: Block['kind'], content: JsonObject, id = ''): Events {
  const sideBySide = isTool(kind) && [...writing.open.values()].every((block) => isTool(block.kind)) && !writing.open.has(part);
  const closed = sideBySide ? [] : closeAll(writing);
  const index = writing.blocks++;
  writing.open.set(part, { index, kind, id, held: '' });
  return [...closed, { type: 'content_block_start', index, content_block: content }];
}

/** A block that is whole when it begins. */
function whole(writing: Writing, content: JsonObject): Events {
  const index = writing.blocks++;
  return [
    { type: 'content_block_start', index, content_block: content },
    { type: 'content_block_stop', index },
  ];
}

export function close(writing: Writing, part: number): Events {
  const block = writing.open.get(part);
  if (block === undefined) return [];
  writing.open.delete(part);
  const stop = { type: 'content_block_stop', index: block.index };
  return block.kind === 'custom-tool' ? [inputDelta(block.index, JSON.stringify({ input: block.held })), stop] : [stop];
}

export function closeAll(writing: Writing): Events {
  const closed = [...writing.open.keys()].flatMap((part) => close(writing, part));
  return [...closed, ...writing.owed.splice(0).flatMap((block) => whole(writing, block))];
}

/**
 * The signature of thinking stands in its block. That of a tool call goes before the block of the call, as long as none
 * is open that it would close; that of a text can only follow.
 */
export function sign(writing: Writing, { part, signature, issuer }: Chunk<'signature'>): Events {
  const block = writing.open.get(part);
  if (block === undefined && writing.call?.part === part) return signCall(writing, writing.call, signature, issuer);
  if (block !== undefined && isTool(block.kind)) {
    writing.owed.push(carrierBlock(block.id, signature, issuer));
    return [];
  }
  if (block?.kind === 'text' || writing.texts.has(part)) {
    writing.owed.push(carrierBlock('', signature, issuer));
    return block === undefined && writing.open.size > 0 ? [] : closeAll(writing);
  }
  return delta(writing, part, 'thinking', { type: 'signature_delta', signature: wrapSignature(signature, issuer, ISSUER) });
}

function signCall(writing: Writing, call: Chunk<'tool-call'>, signature: string, issuer: Issuer | undefined): Events {
  writing.call = undefined;
  const inParallel = [...writing.open.values()].some((block) => isTool(block.kind));
  const carrier = carrierBlock(callId(writing, call), signature, issuer);
  writing.owed.push(carrier);
  return inParallel ? toolCall(writing, call) : [...closeAll(writing), ...toolCall(writing, call)];
}

/** Begins the call that was held back, unless this is the signature that it was held back for. */
export function beginCall(writing: Writing, chunk: ChatChunk): Events {
  const { call } = writing;
  if (call === undefined || (chunk.type === 'signature' && chunk.part === call.part)) return [];
  writing.call = undefined;
  return toolCall(writing, call);
}

const callId = ({ options }: Writing, { id, part }: Chunk<'tool-call'>) => (id === '' ? `toolu_${options.id}_${part}` : id);

const EMPTY_BLOCKS = {
  text: { type: 'text', text: '' },
  thinking: { type: 'thinking', thinking: '', signature: '' },
} as const;

/** A delta of the part's open block, which it begins if there is none of the kind. */
export function delta(writing: Writing, part: number, kind: 'text' | 'thinking', content: JsonObject): Events {
  const begun = writing.open.get(part)?.kind === kind ? [] : open(writing, part, kind, EMPTY_BLOCKS[kind]);
  if (kind === 'text') writing.texts.add(part);
  return [...begun, { type: 'content_block_delta', index: writing.open.get(part)?.index ?? 0, delta: content }];
}

function toolCall(writing: Writing, call: Chunk<'tool-call'>): Events {
  const { part, name, custom } = call;
  if (custom) writing.loss.add('tool_calls.custom');
  const id = callId(writing, call);
  return open(writing, part, custom ? 'custom-tool' : 'tool', { type: 'tool_use', id, name, input: {} }, id);
}

const inputDelta = (index: number, text: string): JsonObject => ({
  type: 'content_block_delta',
  index,
  delta: { type: 'input_json_delta', partial_json: text },
});

export function toolInput(writing: Writing, { part, text }: Chunk<'tool-input'>): Events {
  const block = writing.open.get(part);
  if (block === undefined || !isTool(block.kind)) {
    // The block was closed by content of another kind, and a block cannot be opened twice.
    if (text !== '') writing.loss.add('tool_calls.function.arguments');
    return [];
  }
  if (block.kind === 'tool') return text === '' ? [] : [inputDelta(block.index, text)];
  block.held += text;
  return [];
}
