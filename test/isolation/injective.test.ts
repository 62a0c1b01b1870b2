import { expect, it } from 'vitest';
import { askedBy } from '../../src/core/cache/asked.ts';
import { encode } from '../../src/core/cache/fingerprint.ts';
import { LlmCall } from '../../src/core/call.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { canonicalJson } from '../../src/core/ledger/canonical.ts';
import { dialects } from '../../src/dialects/index.ts';
import { pick, seeded } from '../chaos/random.ts';
import { type Base, bases } from './bases.ts';
import { mutationsOf } from './mutations.ts';

const PAIRS = 50_000;
const EACH = 8;
const NO_HEADERS = new Headers();

/** What a body says of how its call is carried and whose it is. */
const CARRIAGE: ReadonlySet<string> = new Set(['stream', 'user', 'store', 'metadata']);

/** What is hashed for a call; `undefined` where its dialect cannot read it. */
function keyed({ dialect: id, body, address }: Base): string | undefined {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  try {
    const asked = askedBy(LlmCall.read(dialect, JSON.stringify(body), NO_HEADERS, 'chat', address));
    return asked === undefined ? undefined : encode(asked);
  } catch {
    return undefined;
  }
}

/** What a call asks for, without the code that is tried: its body, members in the order of their names. */
const asks = ({ dialect, body }: Base) =>
  `${dialect} ${canonicalJson(Object.fromEntries(Object.entries(body).filter(([name]) => !CARRIAGE.has(name))))}`;

/** Whose a content or a call is where nothing is said of it: `bodies.test.ts` tries what that comes to. */
const DEEP = /^\.contents\[\]\.role$|^\.providerOptions(?:\.gateway(?:\.user)?)?$/;

const turned = (body: JsonObject): JsonObject => Object.fromEntries(Object.entries(body).toReversed());

interface Variant {
  readonly key: string | undefined;
  readonly asks: string;
}

const variantOf = (base: Base): Variant => ({ key: keyed(base), asks: asks(base) });

/** A call, the same one in another order, and all that differ from it in one thing. */
const familyOf = (base: Base): readonly Variant[] =>
  [base.body, turned(base.body), ...[...mutationsOf(base.body)].flatMap(({ at, body }) => (DEEP.test(at) ? [] : [body]))]
    .map((body) => variantOf({ ...base, body }))
    .filter(({ key }) => key !== undefined);

it(`is the same for two calls exactly where they ask for the same (${PAIRS} pairs)`, () => {
  const random = seeded(PAIRS);
  const families = bases(EACH).map(familyOf);
  let [same, close] = [0, 0];
  for (let pairs = 0; pairs < PAIRS; pairs++) {
    const family = pick(random, families);
    const [one, other] = [
      pick(random, family),
      pick(random, random() < 0.9 ? family.slice(0, random() < 0.5 ? 4 : undefined) : pick(random, families)),
    ];
    const isSame = one.asks === other.asks;
    if (isSame) same++;
    else close++;
    if ((one.key === other.key) !== isSame) expect.fail(`${isSame ? 'told apart' : 'taken for the same'}: ${one.asks}\n${other.asks}`);
  }
  expect(Math.min(same, close)).toBeGreaterThan(1_000);
}, 60_000);
