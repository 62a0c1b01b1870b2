import type { ChatChunk } from '../../../core/chat.ts';
import type { Framing } from '../../../core/framing.ts';
import type { Awaitable } from '../../../core/policy.ts';
import type { FrameHandler } from '../../../core/pump.ts';
import type { Target } from '../../../core/strategy.ts';

/** What one call leaves for later ones. It sees the answer on its way; what must be kept is kept before the end of it leaves. */
export interface Keeper {
  /** Every chunk of an answer that is translated. */
  hear?(chunk: ChatChunk): void;
  /** Frames in the caller's dialect, whole ones, as they leave; `translated` tells whether they were written here. */
  frames?(text: string, translated: boolean): Awaitable<string>;
  /** A whole answer in the caller's dialect. */
  whole?(body: string, target: Target, translated: boolean, credential?: string): Awaitable<string>;
  /** An answer in the caller's own dialect has begun, with the id that its vendor gave it. `credential`: the name of the one it was asked with. */
  begun?(id: string, target: Target, credential?: string): void;
  /** A streamed answer in the caller's own dialect is over: the ids that its vendor gave to what it holds. */
  ended?(items: readonly string[]): void;
  /** Whether the frames of an answer that stays in its dialect are wanted, which costs the native lane. */
  readonly wantsFrames?: boolean;
  /** All has been heard: what must be stored before the caller can go on. */
  settle?(): Promise<void> | undefined;
}

const decoder = new TextDecoder();

/** A stream's frames under the eyes of those who keep something of it. */
export function keepFrames(handler: FrameHandler, keepers: readonly Keeper[], translated: boolean, framing: Framing): FrameHandler {
  if (keepers.length === 0) return handler;
  return {
    decodes: handler.decodes,
    passesUnmarked: false,
    async frame(frame, chunks) {
      if (translated && chunks !== undefined) for (const chunk of chunks) for (const keeper of keepers) keeper.hear?.(chunk);
      let bytes = await handler.frame(frame, chunks);
      for (const keeper of keepers) {
        if (keeper.frames === undefined || bytes.length === 0) continue;
        const text = bytes.map((each) => decoder.decode(each)).join('');
        const changed = await keeper.frames(text, translated);
        if (changed !== text) bytes = [framing.encode(changed)];
      }
      if (handler.isOver === true || chunks?.some(({ type }) => type === 'end') === true) await settle(keepers);
      return bytes;
    },
    get isOver() {
      return handler.isOver === true;
    },
  };
}

export async function settle(keepers: readonly Keeper[]): Promise<void> {
  for (const keeper of keepers) await keeper.settle?.();
}
