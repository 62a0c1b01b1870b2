/** What work comes to in so many milliseconds: nobody waits longer, and it is told so. `failed` where it threw. */
export async function within<T>(
  milliseconds: number,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<{ readonly done: T } | 'late' | 'failed'> {
  const over = new AbortController();
  const late = Promise.withResolvers<'late'>();
  const stop = () => {
    over.abort();
    late.resolve('late');
  };
  const timer = setTimeout(stop, milliseconds);
  caller.addEventListener('abort', stop, { once: true });
  try {
    const done = Promise.resolve(work(over.signal)).then(
      (value) => ({ done: value }),
      (): 'late' | 'failed' => (over.signal.aborted ? 'late' : 'failed'),
    );
    return await Promise.race([done, late.promise]);
  } catch {
    return 'failed';
  } finally {
    clearTimeout(timer);
    caller.removeEventListener('abort', stop);
  }
}
