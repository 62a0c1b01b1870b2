import { describe, expect, it } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { compile } from './compile.ts';
import { fakeRolls } from './fake-rolls.ts';
import { rolls } from './rolls.ts';

const plan = (identities: unknown, of = fakeRolls) => compile({ identities }, { revision: 1, local: false, rolls: of });
const problemsOf = (identities: unknown, of = fakeRolls) => {
  try {
    plan(identities, of);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return (thrown.details.problems ?? []).map(({ path }) => path);
  }
};

const badge = (parts: object = {}) => ({ use: 'badge', name: 'b', colour: 'red', as: { app: 'dev' }, ...parts });
const anybody = (parts: object = {}) => ({
  use: 'anybody',
  name: 'a',
  as: { app: 'dev' },
  limits: [{ unit: 'requests', limit: 5, window: '1m' }],
  ...parts,
});

describe('identities', () => {
  it('are none where none is listed', () => {
    expect(compile({}, { revision: 1, local: false, rolls: fakeRolls }).identities).toEqual([]);
  });

  it('are tried in the order of the roll, whatever the document’s', () => {
    expect(plan([anybody(), badge({ name: 'x' }), badge({ name: 'y' })]).identities.map(({ name }) => name)).toEqual(['x', 'y', 'a']);
  });

  it('hold limits of their own: where anybody may ask, for each of them', () => {
    const limits = [
      { unit: 'usd', limit: 1, window: 'day' },
      { unit: 'requests', limit: 9, window: '1m', per: 'key' },
    ];
    expect(plan([badge({ limits })]).identities[0]?.limits).toMatchObject([{ unit: 'usd', limit: 1_000_000_000 }, { per: 'key' }]);
    expect(plan([badge({ limits })]).identities[0]?.limits[0]).not.toHaveProperty('per');
    expect(plan([anybody({ limits })]).identities[0]?.limits).toMatchObject([
      { unit: 'usd', per: 'user' },
      { unit: 'requests', per: 'key' },
    ]);
  });

  it.each([
    [[badge({ use: 'nothing' })], ['identities[0].use']],
    [[badge({ colour: undefined })], ['identities[0].colour']],
    [[badge({ colour: 'invisible' })], ['identities[0].colour']],
    [[badge({ unknown: 1 })], ['identities[0].unknown']],
    [[badge({ name: 'with space' })], ['identities[0].name']],
    [[badge(), badge()], ['identities[1].name']],
    [[badge({ as: undefined })], ['identities[0].as']],
    [[badge({ as: undefined, admin: true })], []],
    [[badge({ as: { app: '{badge.app}' } })], ['identities[0].as.org']],
    [[badge({ as: { app: '{badge.app}', org: 'acme' } })], []],
    [[badge({ as: { app: 'x', user: '{claims.sub}' } })], ['identities[0].as.user']],
    [[badge({ as: { app: 'x', user: '{badge.sub' } })], ['identities[0].as.user']],
    [[badge({ as: { app: 'x', metadata: { a: '{}' } } })], ['identities[0].as.metadata.a']],
    [[badge({ limits: [{ unit: 'usd', limit: 1, window: '1m' }] })], ['identities[0].limits[0]']],
    [[badge({ limits: [{ unit: 'pounds', limit: 1 }] })], ['identities[0].limits[0].unit', 'identities[0].limits[0]']],
    [[anybody({ limits: [] })], ['identities[0].limits']],
    [[anybody({ limits: undefined })], ['identities[0].limits']],
    [[anybody(), anybody({ name: 'c' })], ['identities[1]']],
  ])('%j has faults at %j', (identities, expected) => {
    const found = problemsOf(JSON.parse(JSON.stringify(identities)));
    expect(found.sort()).toEqual([...expected].sort());
  });
});

it.each(rolls.identities.flatMap((kind) => kind.examples.map((example) => [kind.use, example] as const)))(
  'the identity %s can be written as its example %j',
  (_use, example) => {
    expect(problemsOf([example], rolls)).toEqual([]);
  },
);
