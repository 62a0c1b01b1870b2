/** What a caller has read of an answer. */
export interface Reading {
  readonly text: string;
  /** Whether the dialect's own end was there. */
  readonly done: boolean;
  /** Errors of the dialect's own form. */
  readonly errors: readonly ToldError[];
  /** Events of which only a part is there. */
  readonly torn: number;
  /** What is not as the dialect has it. A right answer has none. */
  readonly problems: readonly string[];
}

export interface ToldError {
  readonly code: string;
  readonly message: string;
}

/** How a caller of one dialect asks, and reads what comes back: strictly, and by the vendor's documentation alone. */
export interface Reader {
  readonly dialect: string;
  request(model: string, stream: boolean): { readonly path: string; readonly body: object };
  readonly streamType: string;
  stream(bytes: Buffer): Reading;
  whole(body: unknown): Reading;
  /** An error answer with its head. */
  refusal(body: unknown, headers: Headers): Reading;
}

export type Headers = { readonly [name: string]: string | string[] | undefined };

type Fields = { readonly [field: string]: unknown };
export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
export const MAX_TOKENS = 64;
export const PROMPT = 'Say something.';

/** Collects what a stream says, and every way in which it is not as it should be. */
export class Notes {
  text = '';
  done = false;
  readonly errors: ToldError[] = [];
  readonly problems: string[] = [];
  torn = 0;

  must(met: boolean, problem: string): void {
    if (!met) this.problems.push(problem);
  }

  error(code: unknown, message: unknown): void {
    this.must(textOf(code) !== '', `an error without a code: ${JSON.stringify(code)}`);
    this.must(textOf(message).length > 5, 'an error without a message');
    this.errors.push({ code: textOf(code), message: textOf(message) });
  }

  get reading(): Reading {
    const { text, done, errors, torn, problems } = this;
    return { text, done, errors, torn, problems };
  }
}
