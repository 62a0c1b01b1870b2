import { describe, expect, it } from 'vitest';
import { celMap, celValue } from './json-values.ts';
import { Rule } from './rule.ts';
import type { Variables } from './types.ts';

const variables = {
  caller: {
    kind: 'map',
    members: { team: { kind: 'string' }, scopes: { kind: 'list', item: { kind: 'string' } }, claims: { kind: 'map' } },
  },
  args: { kind: 'map' },
} satisfies Variables;

interface Known {
  readonly caller: ReadonlyMap<string, unknown>;
  readonly args: unknown;
}

const compile = (text: string) => Rule.compile<Known>(text, variables);

const facts: Known = {
  caller: new Map<string, unknown>([
    ['team', 'support'],
    ['scopes', ['read', 'write']],
    ['claims', celMap({ level: 3 })],
  ]),
  args: celValue({ amount: 12, items: [{ id: 'a' }, { id: 'b' }], ratio: 0.5 }),
};

describe('a rule over variables of its user', () => {
  it.each([
    'caller.team == "support" && "write" in caller.scopes',
    'caller.claims.level >= 3 && args.amount < 100',
    'args.items.exists(item, item.id == "b") && args.ratio < 1',
    'caller["team"].startsWith("sup")',
  ])('is true: %s', (text) => expect(compile(text).judge(facts)).toEqual({ holds: true }));

  it.each([
    ['caller.tema == "x"', 'there is no field "tema": there are team, scopes, claims'],
    ['caller.team > 3', '`>` does not stand between string and int'],
    ['caller.scopes == "read"', '`==` does not stand between list and string'],
    ['model == "x"', 'there is no variable "model": there are caller, args'],
  ])('is refused: %s', (text, reason) => expect(() => compile(text)).toThrow(reason));

  it('counts as false, and says why, where it cannot be worked out', () => {
    expect(compile('args.none == 1').judge(facts)).toEqual({ holds: false, fault: 'there is no "none"' });
  });
});
