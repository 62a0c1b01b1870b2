import type { Facts, Loop, Term } from './compile.ts';
import { refuse } from './fault.ts';
import type { Node } from './parser.ts';
import { BOOL, DYN } from './types.ts';
import { truth } from './values.ts';

const LOOPS = ['exists', 'all', 'exists_one', 'filter'] as const;
type LoopName = (typeof LOOPS)[number];

export const isLoop = (name: string): name is LoopName => LOOPS.some((each) => each === name);

/**
 * `list.exists(each, test)` and its like: the test is worked out once for each element of a list, or key of a map. Never
 * one within another, so that no rule takes the square of what a caller sends.
 */
export function compileLoop(name: LoopName, over: Term, args: readonly Node[], compile: (node: Node, loop: Loop) => Term): Term {
  const [variable, body] = args;
  if (args.length !== 2 || variable?.type !== 'name' || body === undefined)
    throw refuse(`\`${name}\` is given a name and a test: tools.${name}(tool, tool == "a")`);
  const { kind, item = DYN } = over.type;
  if (kind !== 'list' && kind !== 'map' && kind !== 'dyn')
    throw refuse(`\`${name}\` goes over lists and maps, not a value of type ${kind}`);
  const element = kind === 'list' ? item : kind === 'map' ? ({ kind: 'string' } as const) : DYN;
  const test = compile(body, { name: variable.name, type: element });
  if (test.type.kind !== 'bool' && test.type.kind !== 'dyn')
    throw refuse(`the test of \`${name}\` is true or false, not a value of type ${test.type.kind}`);
  const passes = (facts: Facts) => (each: unknown) => truth(test.run(facts, each));
  return {
    type: name === 'filter' ? { kind: 'list', item: element } : BOOL,
    run(facts, outer) {
      const elements = elementsOf(over.run(facts, outer), name);
      if (name === 'filter') return elements.filter(passes(facts));
      if (name === 'exists_one') return elements.filter(passes(facts)).length === 1;
      return some(elements, passes(facts), name === 'exists');
    },
  };
}

function elementsOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.keys()];
  throw refuse(`\`${name}\` goes over lists and maps`);
}

/** As `||` over all elements, or as `&&`: an element that decides does so also where another cannot be worked out. */
function some(elements: readonly unknown[], passes: (each: unknown) => boolean, deciding: boolean): boolean {
  let fault: unknown;
  for (const each of elements) {
    try {
      if (passes(each) === deciding) return deciding;
    } catch (thrown) {
      fault ??= thrown;
    }
  }
  if (fault !== undefined) throw fault;
  return !deciding;
}
