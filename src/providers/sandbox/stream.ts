import type { Writer } from './form.ts';
import { isToken, type Parameters, type Step } from './models.ts';

const encoder = new TextEncoder();

/** Milliseconds before a token: the first may have its own wait. */
export function waitBefore(tokens: number, { first, delay }: { readonly first: number; readonly delay: number }): number {
  return tokens === 0 ? first : delay;
}

/** How fast a model speaks; `slow` is slow unless it is told how slow. */
export const pace = (name: string, { first = 0, delay }: Parameters): { readonly first: number; readonly delay: number } => ({
  first,
  delay: delay ?? (name === 'slow' ? 50 : 0),
});

/** Waits; returns at once when the signal aborts, and leaves no timer behind. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done);
  });
}

/** Breaks a body as a lost connection does. */
const lost = (): Error => new Error('The sandbox broke the connection, as it was asked to.');

/**
 * The steps as a stream of events, one step a chunk, made only when somebody reads. A reader who cancels, and an
 * aborted request, end it at once.
 */
export function streamSteps(
  steps: readonly Step[],
  writer: Writer,
  errorFrame: (fault: Extract<Step, { do: 'fail' }>['fault']) => string,
  speed: { readonly first: number; readonly delay: number },
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const stopped = new AbortController();
  let onAbort: () => void = () => undefined;
  let next = -1;
  let tokens = 0;
  const stop = () => {
    signal.removeEventListener('abort', onAbort);
    stopped.abort();
  };

  /** The text of the next step after its wait; `undefined` at the end. Throws where the answer is to break. */
  const advance = async (): Promise<string | undefined> => {
    const step = next < 0 ? undefined : steps[next];
    next += 1;
    if (next === 0) return writer.open();
    if (step === undefined) return undefined;
    if (step.do === 'fail') {
      if (step.mode === 'cut') throw lost();
      return step.mode === 'event' ? errorFrame(step.fault) : undefined;
    }
    if (isToken(step)) await sleep(waitBefore(tokens++, speed), stopped.signal);
    return writer.step(step);
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        onAbort = () => {
          stop();
          controller.error(signal.reason);
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener('abort', onAbort);
      },
      async pull(controller) {
        let text: string | undefined = '';
        try {
          // A step that says nothing in this form must not end the pull without a chunk.
          while (text === '') text = await advance();
        } catch (error) {
          stop();
          controller.error(error);
          return;
        }
        if (stopped.signal.aborted) return;
        if (text !== undefined) {
          controller.enqueue(encoder.encode(text));
          return;
        }
        stop();
        controller.close();
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}

/** Half of a JSON answer, then the end: broken, or as if it had been all. */
export function halfBody(json: string, mode: 'cut' | 'end'): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (!sent) {
          sent = true;
          controller.enqueue(encoder.encode(json.slice(0, Math.floor(json.length / 2))));
        } else if (mode === 'cut') controller.error(lost());
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
