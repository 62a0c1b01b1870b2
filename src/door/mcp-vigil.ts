import type { GatewayError } from '../core/errors.ts';
import type { WatchedAnswer } from '../kinds/mcp/watch.ts';
import type { CallVigil } from './vigil.ts';

/** Milliseconds between two looks while a stream is open: many of them are open all day and silent. */
const EVERY = 2_000;

/** Ends a stream when its caller may no longer be answered. `ending` gives the last messages, and is told once. */
export function watchOver({ cut, end }: WatchedAnswer, watching: () => CallVigil, ending: (why: GatewayError) => readonly string[]): void {
  if (cut === undefined) return;
  const vigil = watching();
  let isOver = false;
  const timer = setInterval(() => {
    void vigil.look().then((why) => {
      if (why === undefined || isOver) return;
      isOver = true;
      cut(ending(why));
    });
  }, EVERY);
  void end.then(() => {
    isOver = true;
    clearInterval(timer);
  });
}
