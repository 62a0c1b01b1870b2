import { refuse } from './fault.ts';
import { type Form, functions, methods } from './functions.ts';
import { compileLoop, isLoop } from './loops.ts';
import type { Binary, Node } from './parser.ts';
import { BOOL, DYN, type Type, typeOfSign, type Variables } from './types.ts';
import { binary, int, kindOf, truth } from './values.ts';

/** What the variables of an expression stand for, by name. A getter may throw. */
export interface Facts {
  readonly [name: string]: unknown;
}

/** An expression that has been looked through: what it gives, and how it is worked out. `element`: of the loop that it stands in. */
export interface Term {
  readonly type: Type;
  /** What it always is, where that is written out. */
  readonly written?: string;
  run(facts: Facts, element: unknown): unknown;
}

/** The variable of the loop that an expression stands in. */
export interface Loop {
  readonly name: string;
  readonly type: Type;
}

/** What names stand for where an expression stands. */
export interface Scope {
  readonly variables: Variables;
  readonly loop?: Loop;
}

/** Throws a `RuleFault` where an expression names what there is not, or where types do not fit that are known. */
export function compile(node: Node, scope: Scope): Term {
  switch (node.type) {
    case 'value': {
      const { value } = node;
      return { type: { kind: kindOf(value) }, run: () => value, ...(typeof value === 'string' ? { written: value } : {}) };
    }
    case 'name':
      return named(node.name, scope);
    case 'field':
      return field(compile(node.of, scope), node.name);
    case 'index':
      return index(compile(node.of, scope), compile(node.at, scope), node.of);
    case 'list':
      return list(node.items.map((item) => compile(item, scope)));
    case 'call':
      return call(node, scope);
    case 'not':
    case 'minus':
      return marked(node.type, compile(node.of, scope));
    case 'binary':
      return between(node.sign, compile(node.left, scope), compile(node.right, scope), node.right);
    case 'and':
    case 'or':
      return decided(node.type === 'or', compile(node.left, scope), compile(node.right, scope));
    case 'choice':
      return choice(compile(node.when, scope), compile(node.yes, scope), compile(node.no, scope));
  }
}

function named(name: string, { variables, loop }: Scope): Term {
  if (loop?.name === name) return { type: loop.type, run: (_facts, element) => element };
  const type = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if (type === undefined) throw refuse(`there is no variable "${name}": there are ${Object.keys(variables).join(', ')}`);
  return { type, run: (facts) => facts[name] };
}

function field(of: Term, name: string): Term {
  const { kind, item = DYN, members } = of.type;
  if (kind !== 'map' && kind !== 'dyn') throw refuse(`a value of type ${kind} has no field "${name}"`);
  const { fields = members === undefined ? undefined : Object.keys(members) } = of.type;
  if (fields !== undefined && !fields.includes(name)) throw refuse(`there is no field "${name}": there are ${fields.join(', ')}`);
  return { type: members?.[name] ?? item, run: (facts, element) => entry(of.run(facts, element), name) };
}

function entry(map: unknown, name: unknown): unknown {
  if (!(map instanceof Map)) throw refuse(`a value of type ${kindOf(map)} has no field "${String(name)}"`);
  const value: unknown = map.get(name);
  if (value === undefined) throw refuse(`there is no "${String(name)}"`);
  return value;
}

function index(of: Term, at: Term, node: Node): Term {
  const { kind, item = DYN } = of.type;
  const isMap = kind === 'map';
  if (!isMap && kind !== 'list' && kind !== 'dyn') throw refuse(`a value of type ${kind} has no elements`);
  const wanted = isMap ? 'string' : 'int';
  if (kind !== 'dyn' && at.type.kind !== 'dyn' && at.type.kind !== wanted)
    throw refuse(`the element of a value of type ${kind} is named by ${wanted}, not ${at.type.kind}`);
  checkHeaderName(node, at);
  return {
    type: item,
    run(facts, element) {
      const place = at.run(facts, element);
      const whole = of.run(facts, element);
      if (!Array.isArray(whole)) return entry(whole, place);
      const value: unknown = typeof place === 'bigint' && place >= 0n ? whole[Number(place)] : undefined;
      if (value === undefined) throw refuse(`there is no element ${String(place)} of ${whole.length}`);
      return value;
    },
  };
}

/** Callers' header names are known in lower case; another would never be found. */
function checkHeaderName(map: Node, { written }: Term): void {
  if (map.type !== 'name' || map.name !== 'headers' || written === undefined) return;
  if (written !== written.toLowerCase()) throw refuse(`names of headers are written in lower case: "${written.toLowerCase()}"`);
}

function list(items: readonly Term[]): Term {
  const kinds = new Set(items.map(({ type }) => type.kind).filter((kind) => kind !== 'dyn'));
  if (kinds.size > 1) throw refuse(`a list holds values of one type, not ${[...kinds].join(' and ')}`);
  return { type: { kind: 'list', item: items[0]?.type ?? DYN }, run: (facts, element) => items.map((item) => item.run(facts, element)) };
}

function call({ name, on, args }: Extract<Node, { type: 'call' }>, scope: Scope): Term {
  if (on === undefined && name === 'has') return has(args, scope);
  if (on !== undefined && isLoop(name)) {
    if (scope.loop !== undefined) throw refuse(`\`${name}\` must not stand within another exists, all, exists_one or filter`);
    return compileLoop(name, compile(on, scope), args, (body, loop) => compile(body, { ...scope, loop }));
  }
  const known = on === undefined ? functions : methods;
  const forms = Object.hasOwn(known, name) ? known[name] : undefined;
  if (forms === undefined) throw refuse(REASONS.get(name) ?? `\`${name}\` is not available`);
  return applied(
    name,
    forms,
    [...(on === undefined ? [] : [on]), ...args].map((arg) => compile(arg, scope)),
  );
}

/** Why some that other users of the language know are not here. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['matches', '`matches` is not available, since no pattern may take longer than its text: use like, startsWith, endsWith or contains'],
  ['map', '`map` is not available: use exists, all or filter'],
]);

function applied(name: string, forms: readonly Form[], args: readonly Term[]): Term {
  const kinds = args.map(({ type }) => type.kind);
  const fitting = forms.filter((form) => fits(form, kinds));
  const [first] = fitting;
  if (first === undefined) throw refuse(`\`${name}\` is not for ${kinds.join(', ') || 'nothing'}`);
  for (const { written } of fitting) {
    if (written === undefined) continue;
    const last = args.at(-1)?.written;
    if (last === undefined) throw refuse(`what \`${name}\` is given must be written out in quotes`);
    written(last);
  }
  return {
    type: { kind: fitting.every(({ gives }) => gives === first.gives) ? first.gives : 'dyn' },
    run(facts, element) {
      const values = args.map((arg) => arg.run(facts, element));
      const found = values.map(kindOf);
      const form = fitting.find((each) => fits(each, found));
      if (form === undefined) throw refuse(`\`${name}\` is not for ${found.join(', ')}`);
      return form.run(...values);
    },
  };
}

const fits = ({ takes }: Form, kinds: readonly Type['kind'][]) =>
  takes.length === kinds.length && takes.every((kind, at) => kinds[at] === kind || kinds[at] === 'dyn');

function has(args: readonly Node[], scope: Scope): Term {
  const [arg] = args;
  if (args.length !== 1 || arg?.type !== 'field') throw refuse('`has` is given one field: has(metadata.plan)');
  const of = compile(arg.of, scope);
  field(of, arg.name);
  return {
    type: BOOL,
    run(facts, element) {
      const map = of.run(facts, element);
      if (map instanceof Map) return map.has(arg.name);
      throw refuse(`a value of type ${kindOf(map)} has no field "${arg.name}"`);
    },
  };
}

function marked(mark: 'not' | 'minus', of: Term): Term {
  const { kind } = of.type;
  const wanted = mark === 'not' ? ['bool', 'dyn'] : ['int', 'double', 'dyn'];
  if (!wanted.includes(kind)) throw refuse(`\`${mark === 'not' ? '!' : '-'}\` does not stand before a value of type ${kind}`);
  return {
    type: of.type,
    run(facts, element) {
      const value = of.run(facts, element);
      if (mark === 'not' && typeof value === 'boolean') return !value;
      if (mark === 'minus' && typeof value === 'bigint') return int(-value);
      if (mark === 'minus' && typeof value === 'number') return -value;
      throw refuse(`\`${mark === 'not' ? '!' : '-'}\` does not stand before a value of type ${kindOf(value)}`);
    },
  };
}

function between(sign: Binary, left: Term, right: Term, node: Node): Term {
  if (sign === 'in') checkHeaderName(node, left);
  return {
    type: typeOfSign(sign, left.type, right.type),
    run: (facts, element) => binary(sign, left.run(facts, element), right.run(facts, element)),
  };
}

/** `||` and `&&`: a side that decides does so also where the other cannot be worked out (langdef.md#logical-operators). */
function decided(deciding: boolean, left: Term, right: Term): Term {
  for (const { type } of [left, right])
    if (type.kind !== 'bool' && type.kind !== 'dyn') throw refuse(`a value of type ${type.kind} is neither true nor false`);
  return {
    type: BOOL,
    run(facts, element) {
      let fault: unknown;
      try {
        if (truth(left.run(facts, element)) === deciding) return deciding;
      } catch (thrown) {
        fault = thrown;
      }
      const second = truth(right.run(facts, element));
      if (second === deciding || fault === undefined) return second;
      throw fault;
    },
  };
}

function choice(when: Term, yes: Term, no: Term): Term {
  if (when.type.kind !== 'bool' && when.type.kind !== 'dyn') throw refuse(`a value of type ${when.type.kind} is neither true nor false`);
  return {
    type: yes.type.kind === no.type.kind ? yes.type : DYN,
    run: (facts, element) => (truth(when.run(facts, element)) ? yes : no).run(facts, element),
  };
}
