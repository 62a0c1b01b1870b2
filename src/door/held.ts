import { GatewayError } from '../core/errors.ts';
import type { CallHold } from '../core/hold.ts';
import type { Outcome } from '../core/policy.ts';

/**
 * Does what a caller's limits hold for: they are settled once, behind the answer, whatever becomes of it, and an error says
 * how they stand. `work` takes what it needs of them; `statusOf` is the HTTP status that its result is answered with.
 */
export async function underHold<T>(
  hold: CallHold | undefined,
  after: (work: Promise<unknown>) => void,
  work: (hold: CallHold | undefined) => Promise<T>,
  statusOf: (done: T) => number = () => 200,
): Promise<T> {
  if (hold === undefined) return work(undefined);
  let outcome: Outcome = { status: 'failed', httpStatus: 500 };
  try {
    const done = await work(hold);
    outcome = { status: 'complete', httpStatus: statusOf(done) };
    await hold.kept();
    return done;
  } catch (thrown) {
    const error = GatewayError.from(thrown);
    error.standing = hold.headers;
    throw error;
  } finally {
    after(hold.settle(outcome, {}));
  }
}
