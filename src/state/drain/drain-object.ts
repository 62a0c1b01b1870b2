import { DurableObject } from 'cloudflare:workers';
import { Drain, type HandedCall } from '../../core/drain.ts';
import { systemClock } from '../ports.ts';

/** Milliseconds after which a call that is still under way keeps the object in memory by an alarm: without events it is given up after a minute. */
const LONG = 20_000;
/** Milliseconds that one alarm stays with a call; the platform ends it after fifteen minutes. */
const WATCH = 600_000;

/** What answers a call that was handed on. */
export type AnswerHanded = (
  request: Request,
  handed: { readonly call: HandedCall; readonly drain: Drain },
  after: (work: Promise<unknown>) => void,
) => Promise<Response>;

/**
 * One call whose answer outlives its caller: a Worker ends half a minute after its caller has left, an object when it has
 * nothing more to do. It is made for the call, keeps nothing, and is gone after it.
 */
export abstract class DrainObject<Env extends object> extends DurableObject<Env> {
  /** What is still to be done. */
  readonly #works = new Set<Promise<unknown>>();
  #long: ReturnType<typeof setTimeout> | undefined;
  #drain: Drain | undefined;

  protected abstract readonly answer: AnswerHanded;

  async serve(request: Request, call: HandedCall): Promise<Response> {
    const drain = new Drain(call.lasts);
    this.#drain = drain;
    this.#long = setTimeout(() => void this.ctx.storage.setAlarm(systemClock.now()), LONG);
    const answered = this.answer(request, { call, drain }, (work) => this.#add(work));
    this.#add(answered);
    return answered;
  }

  override async alarm(): Promise<void> {
    const end = systemClock.now() + WATCH;
    while (this.#works.size > 0 && systemClock.now() < end) {
      await Promise.race([Promise.allSettled(this.#works), new Promise((resolve) => setTimeout(resolve, end - systemClock.now()))]);
    }
    if (this.#works.size > 0) await this.ctx.storage.setAlarm(systemClock.now());
    else await this.ctx.storage.deleteAll();
  }

  #add(work: Promise<unknown>): void {
    this.#works.add(work);
    const over = () => {
      this.#works.delete(work);
      if (this.#works.size > 0) return;
      clearTimeout(this.#long);
      this.#drain?.end();
    };
    work.then(over, over);
  }
}
