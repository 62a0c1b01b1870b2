import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Scene } from '../upstream/breaking-vendor.ts';
import { speech } from '../upstream/forms.ts';
import type { Answered } from './load.ts';
import { chatAt, codesOf, type Place, startPlace } from './place.ts';

// Throughput that was bought is used up before calls go where each is paid for, and no caller hears of its limit.

/** Tokens a minute that were bought, and those of one call: what its text comes to, and what its answer does. */
const BOUGHT = 60_000;
const PROMPT = 'The weir holds back what must not pass. '.repeat(30);
const INPUT = 271;
const OUTPUT = 40;
const OF_CALL = INPUT + OUTPUT;
/** Half as many again as fit. */
const CALLS = Math.ceil((1.5 * BOUGHT) / OF_CALL);
const CALLERS = 16;

/** A vendor's minute: it counts what it answers, and refuses what is too much. */
class Minute {
  used = 0;
  refused = 0;
  readonly #endsAt = Date.now() + 60_000;

  serve({ form, respond }: Scene, tells: boolean): void {
    const left = Math.max(0, BOUGHT - this.used);
    const headers = (remaining: number) => ({
      'content-type': 'application/json',
      ...(tells
        ? {
            'x-ratelimit-limit-tokens': String(BOUGHT),
            'x-ratelimit-remaining-tokens': String(remaining),
            'x-ratelimit-reset-tokens': `${Math.ceil((this.#endsAt - Date.now()) / 1_000)}s`,
          }
        : {}),
    });
    if (left < OF_CALL) {
      this.refused += 1;
      respond(429, { ...headers(left), 'retry-after': '30' }, form.error(429, 'scripted: the minute is used up').body);
      return;
    }
    this.used += OF_CALL;
    const answer = { ...speech('bought', 5), usage: { kind: 'last' as const, input: INPUT, output: OUTPUT } };
    respond(200, headers(left - OF_CALL), form.whole(answer));
  }
}

const minutes = { capacity: new Minute(), told: new Minute() };
let place: Place;

beforeAll(async () => {
  place = await startPlace({
    capacity: (scene) => minutes.capacity.serve(scene, false),
    told: (scene) => minutes.told.serve(scene, true),
    paid: ({ form, respond }) => respond(200, { 'content-type': 'application/json' }, form.whole(speech('paid', 5))),
  });
  const providers = { bought: chatAt(place.vendor.origin), paid: chatAt(place.vendor.origin) };
  const model = (first: object | string, name: string) => ({ strategy: 'headroom', targets: [first, `paid/paid.${name}`] });
  await place.publish({
    providers,
    models: {
      capacity: model({ model: 'bought/capacity.a', capacity: { tokens: BOUGHT } }, 'a'),
      told: model('bought/told.b', 'b'),
    },
  });
}, 60_000);
afterAll(() => place?.close());

describe('throughput that was bought', () => {
  it.each([
    ['as the configuration says how much', 'capacity'],
    ['as its vendor tells what is left', 'told'],
  ] as const)('is used up to 95 parts of 100 before anything else is, %s', { timeout: 120_000 }, async (_how, model) => {
    const answers: Answered[] = [];
    let number = 0;
    const body = { messages: [{ role: 'user', content: PROMPT }] };
    const work = async () => {
      while (number++ < CALLS) answers.push(await place.ask(model, { body }));
    };
    await Promise.all(Array.from({ length: CALLERS }, work));
    expect(codesOf(answers)).toEqual({ '200 ok': CALLS });
    const { used } = minutes[model];
    expect(used / BOUGHT).toBeGreaterThanOrEqual(0.95);
    expect(used).toBeLessThanOrEqual(BOUGHT);
    const spilt = answers.filter(({ headers }) => String(headers['x-weir-model']).startsWith('paid/')).length;
    expect(spilt).toBe(CALLS - used / OF_CALL);
  });
});
