import type { ChatChunk } from './chat.ts';
import type { Dialect, FrameEditor, ReplyWriter } from './dialect.ts';
import type { Chunk } from './exchange.ts';
import type { Framing } from './framing.ts';
import type { FrameHandler } from './pump.ts';
import type { PolicyChain } from './run.ts';
import type { Frame } from './sse.ts';

const NOTHING: readonly Uint8Array[] = [];

/** Every frame leaves as it came, save those that exist only because the gateway asked for usage. */
export function filterFrames(dialect: Dialect): FrameHandler {
  return {
    decodes: false,
    passesUnmarked: true,
    frame: (frame) => (dialect.isUsageOnly(frame) ? NOTHING : [frame.bytes]),
  };
}

/** Policies see every chunk and change none. */
export function watchFrames(chain: PolicyChain, hides: (frame: Frame) => boolean): FrameHandler {
  return {
    decodes: true,
    passesUnmarked: false,
    async frame(frame, chunks = []) {
      for (const chunk of chunks) await chain.chunk(chunk);
      return hides(frame) ? NOTHING : [frame.bytes];
    },
  };
}

/**
 * Policies edit a stream that stays in its dialect. A frame none of whose chunks was edited leaves as its own
 * bytes; text that was held back and is let go later travels in a copy of the frame that last carried its part.
 */
export function editFrames(chain: PolicyChain, dialect: Dialect, hides: (frame: Frame) => boolean): FrameHandler {
  const editor = dialect.frameEditor?.();
  if (editor !== undefined) return editRepeating(chain, editor, hides);
  const lastOfPart = new Map<number, Frame>();
  return {
    decodes: true,
    passesUnmarked: false,
    async frame(frame, chunks = []) {
      const out: ChatChunk[] = [];
      for (const chunk of chunks) out.push(...asChat(await chain.chunk(chunk)));
      const own = new Map<number, string>();
      for (const chunk of chunks) {
        if (chunk.type !== 'text') continue;
        own.set(chunk.part, '');
        // A frame that says more than this text would say it again.
        if (!lastOfPart.has(chunk.part) || chunks.length === 1) lastOfPart.set(chunk.part, frame);
      }
      const untouched = out.length === chunks.length && out.every((chunk, index) => chunk === chunks[index]);
      if (untouched) return hides(frame) ? NOTHING : [frame.bytes];
      const before: Uint8Array[] = [];
      for (const chunk of out) {
        if (chunk.type !== 'text') continue;
        const ownText = own.get(chunk.part);
        if (ownText !== undefined) own.set(chunk.part, ownText + chunk.text);
        else {
          const carrier = lastOfPart.get(chunk.part);
          if (carrier !== undefined && chunk.text !== '') before.push(dialect.frameTexts(carrier, () => chunk.text).bytes);
        }
      }
      const texts = [...own.values()];
      const says = texts.some((text) => text !== '') || chunks.some((chunk) => chunk.type !== 'text');
      if (!says || hides(frame)) return before;
      const edited = texts.length === 0 ? frame : dialect.frameTexts(frame, () => texts.shift() ?? '');
      return [...before, edited.bytes];
    },
  };
}

/** Where a stream says its texts more than once, the dialect itself knows what becomes of each frame. */
function editRepeating(chain: PolicyChain, editor: FrameEditor, hides: (frame: Frame) => boolean): FrameHandler {
  return {
    decodes: true,
    passesUnmarked: false,
    async frame(frame, chunks = []) {
      const out: ChatChunk[] = [];
      for (const chunk of chunks) out.push(...asChat(await chain.chunk(chunk)));
      return editor.edit(frame, chunks, out).flatMap((edited) => (hides(edited) ? [] : [edited.bytes]));
    },
  };
}

/** The dialects differ: every chunk is written anew. */
export function translateFrames(chain: PolicyChain, writer: ReplyWriter, framing: Framing): FrameHandler {
  return {
    decodes: true,
    passesUnmarked: false,
    frame(_frame, chunks = []) {
      if (!chain.isEmpty) return editedAndWritten(chunks);
      let text = '';
      for (const chunk of chunks) text += writer.write(chunk);
      return text === '' ? NOTHING : [framing.encode(text)];
    },
  };

  async function editedAndWritten(chunks: readonly ChatChunk[]) {
    let text = '';
    for (const chunk of chunks) {
      for (const edited of asChat(await chain.chunk(chunk))) text += writer.write(edited);
    }
    return text === '' ? NOTHING : [framing.encode(text)];
  }
}

/** The chunks of an LLM exchange are chat chunks: the chain passes on what it was given. */
const asChat = (chunks: readonly Chunk[]): readonly ChatChunk[] => chunks;
