import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LlmCall } from '../../core/call.ts';
import { fakeCall, fakeDialect, fakeExchange, fakeTools } from '../../core/fakes.ts';
import type { JsonObject } from '../../core/json.ts';
import { OperationCall } from '../../core/operation.ts';
import { CallFacts } from './facts.ts';
import { routingRule } from './variables.ts';

// A Saturday, 23:30 in London and half past midnight on Sunday in Zurich.
const NOW = Date.UTC(2026, 10, 21, 23, 30);

const metadata = { plan: 'gold', tier: 3, score: 0.5, trial: false, note: null, nested: { team: ['a', 'b'] }, mixed: ['a', 2] };
const headers = new Headers({ 'x-team': 'search', authorization: 'Bearer sk-1', 'x-api-key': 'sk-2', cookie: 'a=b' });
const dialect = fakeDialect({
  readCall: (body) => ({
    model: 'smart',
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'Hi' }, image, image] },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
    ],
    tools: [
      { type: 'function', name: 'crm_find' },
      { type: 'raw', dialect: 'fake', value: { type: 'web_search' } },
    ],
    stream: body.stream === true,
    extra: {},
  }),
});
const image = { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } } as const;
const call = LlmCall.read(dialect, JSON.stringify({ model: 'smart', stream: true }), headers);
const exchange = fakeExchange({
  who: { keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1', claims: { groups: ['ops', 'ml'], level: 3 } },
  user: 'ann',
  country: 'CH',
  metadata,
});
const facts = new CallFacts(call, exchange, fakeTools({ now: NOW, size: { input: 1200, output: 300 } }));
const judge = (text: string) => routingRule(text).judge(facts);

describe('a rule', () => {
  it.each([
    'model == "smart" && stream',
    'model.like("sm*t") && !model.like("*x*")',
    'dialect == "fake" && operation == "chat"',
    'metadata.plan == "gold"',
    'metadata.plan in ["gold", "silver"]',
    'metadata.tier == 3 && metadata.tier > 2.5 && metadata.tier + 1 == 4',
    'metadata.score < 1 && metadata.note == null && !metadata.trial',
    '"b" in metadata.nested.team',
    'has(metadata.plan) && !has(metadata.other)',
    'headers["x-team"].startsWith("sea")',
    '!("authorization" in headers) && !("x-api-key" in headers) && !("cookie" in headers)',
    'key == "key_1" && app == "app_1" && team == "team_1" && org == "org_1" && user == "ann"',
    'country in ["CH", "LI"]',
    'tokens.input > 1000 && tokens.input + tokens.output == 1500',
    '"crm_find" in tools && "web_search" in tools && tools.size() == 2',
    'tools.exists(tool, tool.startsWith("crm_")) && !tools.all(tool, tool.startsWith("crm_"))',
    'images == 2 && messages == 2',
    'time.getHours() == 23 && time.getDayOfWeek() == 6',
    'time.getHours("Europe/Zurich") == 0 && time.getMinutes("Europe/Zurich") == 30 && time.getDayOfWeek("Europe/Zurich") == 0',
    'time.getHours("Asia/Kolkata") == 5 && time.getDate("Asia/Kolkata") == 22 && time.getMonth("Asia/Kolkata") == 10',
    'time > timestamp("2026-01-01T00:00:00Z") && time - timestamp("2026-11-21T00:00:00Z") < duration("24h")',
    // What cannot be worked out does not matter where the rest decides (CEL, "Logical Operators").
    '"ml" in claims.groups && claims.level >= 3 && !has(claims.email)',
    'metadata.missing == 1 || true',
    '!(metadata.missing == 1 && false)',
    'metadata.mixed.exists(each, each > 1) && !metadata.mixed.all(each, each > 5)',
    'metadata.exists_one(name, name == "plan") && metadata.filter(name, name.startsWith("t")).size() == 2',
  ])('is true: %s', (text) => expect(judge(text)).toEqual({ holds: true }));

  it.each(['model == "other"', 'metadata.plan == 3', 'country == ""', 'tokens.input > 1200', '"b" in metadata.nested'])(
    'is false: %s',
    (text) => expect(judge(text)).toEqual({ holds: false }),
  );

  it.each([
    ['metadata.missing == 1', 'there is no "missing"'],
    ['headers["x-other"] == "1"', 'there is no "x-other"'],
    ['metadata.constructor == 1', 'there is no "constructor"'],
    ['headers["__proto__"] == "1"', 'there is no "__proto__"'],
    ['tools[9] == "x"', 'there is no element 9 of 2'],
    ['tools[-1] == "x"', 'there is no element -1 of 2'],
    ['metadata.tier.startsWith("3")', '`startsWith` is not for int, string'],
    ['metadata.plan < 3', '`<` does not stand between string and int'],
    ['metadata.plan && stream', 'a value of type string is neither true nor false'],
    ['metadata.plan', 'neither true nor false'],
    ['1 / (images - 2) == 1', 'division by zero'],
    ['metadata.mixed.exists(each, each > 5)', '`>` does not stand between string and int'],
    ['metadata.mixed.exists_one(each, each > 1)', '`>` does not stand between string and int'],
    ['metadata.plan.exists(each, true)', '`exists` goes over lists and maps'],
    ['9223372036854775807 + images > 0', 'beyond 64 bits'],
    ['int(metadata.plan) == 1', 'no whole number'],
  ])('counts as false, and says why, where it cannot be worked out: %s', (text, fault) => {
    expect(judge(text)).toEqual({ holds: false, fault: expect.stringContaining(fault) });
  });

  it('knows of a call that is no chat what there is', () => {
    const body = { head: () => ({ model: 'embed', stream: false, wantsUsage: false }), texts: (json: JsonObject) => json };
    const embedding = OperationCall.read('embeddings', '{"input":"a"}', new Headers(), 'openai', body);
    const of = new CallFacts(embedding, fakeExchange(), fakeTools());
    const text =
      'operation == "embeddings" && dialect == "openai" && tools == [] && images == 0 && messages == 0 && country == "" && user == ""';
    expect(routingRule(text).judge(of)).toEqual({ holds: true });
  });

  it('counts as false where the call cannot be read', () => {
    const broken = fakeCall(
      { model: 'm' },
      fakeDialect({
        readCall: () => {
          throw new Error('`messages` must be an array.');
        },
      }),
    );
    const verdict = routingRule('messages > 1').judge(new CallFacts(broken, fakeExchange(), fakeTools()));
    expect(verdict).toEqual({ holds: false, fault: '`messages` must be an array.' });
  });
});

describe('what is not a rule', () => {
  it.each([
    ['', 'it ends too early'],
    ['model ==', 'it ends too early'],
    ['model = "a"', 'unexpected "=" at character 7'],
    ['model == "a', 'unexpected "\\"" at character 10'],
    ['model == "\\q"', 'there is no character \\q'],
    ['model == "\\U00110000"', 'there is no character'],
    ['modle == "x"', 'there is no variable "modle": there are model, stream'],
    ['tokens.inptu > 1', 'there is no field "inptu": there are input, output'],
    ['country > 3', '`>` does not stand between string and int'],
    ['"1" in tokens == 1', '`==` does not stand between bool and int'],
    ['country in ["a", 1]', 'a list holds values of one type, not string and int'],
    ['1 in tools', '`in` does not stand between int and list'],
    ['tokens.input', 'it gives a value of type int, and a rule is true or false'],
    ['!model', '`!` does not stand before a value of type string'],
    ['model.matches("(a+)+$")', '`matches` is not available, since no pattern'],
    ['tools.map(t, t + t).size() > 1', '`map` is not available'],
    ['cel.bind(a, model, a == a)', '`bind` is not available'],
    ['model.split("").size() > 1', '`split` is not available'],
    ['model.startsWith(1)', '`startsWith` is not for string, int'],
    ['model.toString()', '`toString` is not available'],
    ['constructor == 1', 'there is no variable "constructor"'],
    ['tools.exists(a, tools.exists(b, a == b))', '`exists` must not stand within'],
    ['tools.filter(a, tools.all(b, a == b)).size() > 0', '`all` must not stand within'],
    ['tools.exists(1, true)', '`exists` is given a name and a test'],
    ['model.contains(metadata.plan)', 'what `contains` is given must be written out'],
    ['model.like(metadata.plan)', 'what `like` is given must be written out'],
    ['duration(metadata.plan) > duration("1s")', 'what `duration` is given must be written out'],
    ['time > timestamp("yesterday")', '"yesterday" is no time'],
    ['time.getHours(model) > 1', 'what `getHours` is given must be written out'],
    ['time.getHours("Mars/Olympus") > 1', 'there is no time zone "Mars/Olympus"'],
    ['headers["X-Team"] == "a"', 'names of headers are written in lower case: "x-team"'],
    ['"X-Team" in headers', 'names of headers are written in lower case'],
    ['has(model)', '`has` is given one field'],
    ['9223372036854775808 > 1', 'is too large'],
    ['if == 1', '"if" is a reserved word'],
    [`${'('.repeat(40)}true${')'.repeat(40)}`, 'nested more than 32 deep'],
    [`${'!'.repeat(40)}true`, 'nested more than 32 deep'],
    [Array.from({ length: 300 }, () => 'true').join('||'), 'more than 512 parts'],
    [' '.repeat(2_001), 'longer than 2000 characters'],
  ])('%s', (text, reason) => {
    expect(() => routingRule(text)).toThrow(reason);
  });

  it('is told in one line', () => {
    expect(() => routingRule('model == "a" &&\n modle == "b"')).toThrow(/^there is no variable "modle"[^\n]*$/);
  });
});

describe('any text', () => {
  const leaf = fc.oneof(
    fc.constantFrom('model', 'stream', 'metadata', 'metadata.a', 'headers["x-team"]', 'tokens.input', 'tools', 'time', 'images', 'country'),
    fc.constantFrom('1', '2.5', 'true', 'null', '"a"', '[]', '[1, 2]', '{"a": 1}', '-9223372036854775808', '1u', 'b"a"', 'duration("1h")'),
  );
  const { expression } = fc.letrec<{ expression: string; wide: string }>((tie) => ({
    expression: fc.oneof({ maxDepth: 5, withCrossShrink: true }, leaf, tie('wide')),
    wide: fc.oneof(
      fc
        .tuple(tie('expression'), fc.constantFrom('==', '!=', '<', '>=', '+', '-', '*', '/', '%', '&&', '||', 'in'), tie('expression'))
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      tie('expression').map((inner) => `!${inner}`),
      fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `${a}[${b}]`),
      tie('expression').map((inner) => `size(${inner})`),
      fc
        .tuple(tie('expression'), fc.constantFrom('exists', 'all', 'filter', 'exists_one'), tie('expression'))
        .map(([list, loop, test]) => `${list}.${loop}(x, ${test})`),
      fc
        .tuple(tie('expression'), fc.constantFrom('startsWith("a")', 'size()', 'getHours("UTC")', 'trim()', 'like("*a")', 'other'))
        .map(([on, what]) => `${on}.${what}`),
    ),
  }));

  /** A verdict, or a reason why it is no rule. */
  const tried = (text: string, of: CallFacts) => {
    let rule: ReturnType<typeof routingRule>;
    try {
      rule = routingRule(text);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      return 'refused';
    }
    const verdict = rule.judge(of);
    expect(typeof verdict.holds).toBe('boolean');
    return verdict.fault === undefined ? 'judged' : 'fault';
  };

  it('is refused or judged, and never throws while it is judged', () => {
    const seen = { refused: 0, judged: 0, fault: 0 };
    const sent = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue({ maxDepth: 1 }));
    fc.assert(
      fc.property(expression, sent, (text, said) => {
        const of = new CallFacts(call, fakeExchange({ metadata: said as JsonObject }), fakeTools({ now: NOW }));
        seen[tried(text, of)]++;
      }),
      { numRuns: 800 },
    );
    // The texts are worth trying: some are rules, and of those some fail.
    expect(Math.min(seen.refused, seen.judged, seen.fault)).toBeGreaterThan(10);
  });

  it('of chance is refused or judged', () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void tried(text, facts)));
  });

  it('gives the same verdict again', () => {
    fc.assert(
      fc.property(expression, (text) => {
        let rule: ReturnType<typeof routingRule>;
        try {
          rule = routingRule(text);
        } catch {
          return;
        }
        expect(rule.judge(facts)).toEqual(rule.judge(facts));
      }),
    );
  });
});

describe('the worst rule', () => {
  const long = 'a'.repeat(8_000);
  const many = Array.from({ length: 1_000 }, (_, step) => ({ type: 'function' as const, name: `${long}${step}` }));
  const wide = LlmCall.read(
    fakeDialect({ readCall: () => ({ model: 'm', messages: [], tools: many, stream: false, extra: {} }) }),
    JSON.stringify({ model: 'm' }),
    new Headers({ 'x-long': long }),
  );

  it('on the worst call is judged', () => {
    expect(
      routingRule('size(tools) == 128 && tools.all(t, size(t) == 128)').judge(new CallFacts(wide, fakeExchange(), fakeTools())),
    ).toEqual({
      holds: true,
    });
    const needle = `${'a'.repeat(40)}b`;
    const test = Array.from({ length: 24 }, () => `t.contains("${needle}")`).join(' || ');
    const rule = routingRule(`tools.exists(t, ${test}) || headers.exists(h, headers[h].contains("${needle}"))`);
    expect(rule.judge(new CallFacts(wide, fakeExchange(), fakeTools()))).toEqual({ holds: false });
  });
});
