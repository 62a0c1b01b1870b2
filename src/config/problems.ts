import type { z } from 'zod';
import { GatewayError } from '../core/errors.ts';

/** One fault of a configuration document: where, and what to do about it. */
export interface Problem {
  /** As one would write it in JavaScript: `models.smart.targets[1]`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly PropertyKey[];

/** Collects every fault, each once, so that a document is corrected in one round. */
export class Problems {
  readonly #found = new Map<string, Problem>();

  add(path: Path, message: string): void {
    const problem = { path: writePath(path), message };
    this.#found.set(JSON.stringify(problem), problem);
  }

  /** The issues zod found below `path`. */
  addIssues(path: Path, issues: readonly z.core.$ZodIssue[]): void {
    for (const issue of issues) this.#addIssue(path, issue);
  }

  get list(): readonly Problem[] {
    return [...this.#found.values()];
  }

  throwIfAny(): void {
    const { list } = this;
    const [first] = list;
    if (first === undefined) return;
    const rest = list.length === 1 ? '' : ` (and ${list.length - 1} more)`;
    const where = first.path === '' ? '' : `${first.path}: `;
    throw new GatewayError('config_invalid', `The configuration is not valid. ${where}${first.message}${rest}`, { problems: list });
  }

  #addIssue(base: Path, issue: z.core.$ZodIssue): void {
    const path = [...base, ...issue.path];
    switch (issue.code) {
      case 'unrecognized_keys':
        for (const key of issue.keys) this.add([...path, key], 'is not a known key here');
        return;
      case 'invalid_key':
        this.add(path, issue.issues[0]?.message ?? issue.message);
        return;
      case 'invalid_union': {
        const branch = likeliest(issue.errors);
        if (branch === undefined) this.add(path, issue.message);
        else this.addIssues(path, branch);
        return;
      }
      default:
        this.add(path, issue.message.endsWith('received undefined') ? 'is missing' : issue.message);
    }
  }
}

/** The one form of a union that has the value's own type: its issues say more than "no form fits". */
function likeliest(branches: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const fitting = branches.filter((issues) => !issues.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type'));
  return fitting.length === 1 ? fitting[0] : undefined;
}

function writePath(path: Path): string {
  return path.map(writeStep).join('').replace(/^\./, '');
}

function writeStep(step: PropertyKey): string {
  if (typeof step === 'number') return `[${step}]`;
  const key = String(step);
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** Deeper than any document needs; a bound for everything that walks one. */
const MAX_DEPTH = 32;

/**
 * What no schema sees: nesting deep enough to exhaust a stack, `__proto__` keys, which schemas of records drop in
 * silence, and numbers JSON cannot hold, which a document written in TypeScript may contain.
 */
export function scan(value: unknown, problems: Problems, path: Path = []): void {
  if (typeof value === 'number' && !Number.isFinite(value)) problems.add(path, 'must be a finite number');
  if (typeof value !== 'object' || value === null) return;
  if (path.length >= MAX_DEPTH) {
    problems.add(path.slice(0, 3), `is nested more than ${MAX_DEPTH} levels deep`);
    return;
  }
  const steps: Iterable<[PropertyKey, unknown]> = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [step, child] of steps) {
    if (step === '__proto__') problems.add([...path, step], 'is not a name that can be used');
    else scan(child, problems, [...path, step]);
  }
}
