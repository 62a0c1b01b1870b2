/** What `work` gives, within so many milliseconds and while the signal lets; rejects with the signal's reason, or says who was late. */
export async function within<T>(work: Promise<T>, milliseconds: number, who: string, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  let stop = (): void => undefined;
  const over = new Promise<never>((_, reject) => {
    const late = setTimeout(() => reject(new Error(`${who} did not answer within ${milliseconds} ms.`)), milliseconds);
    const left = () => reject(signal?.reason);
    signal?.addEventListener('abort', left);
    stop = () => {
      clearTimeout(late);
      signal?.removeEventListener('abort', left);
    };
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    stop();
  }
}
