/** Where a client is to ask, with which key, for which model: a name without special characters. */
export interface Target {
  /** Of the gateway, without a path. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
}

/** One way to ask through a library, with the retries that it comes with. */
export interface SdkCall {
  readonly name: string;
  /** The scripted vendor of the dialect that it speaks: a model is called `short-chat`, `short-anthropic` … */
  readonly vendor: 'chat' | 'responses' | 'anthropic' | 'gemini' | 'vectors';
  /** Whether it waits by itself where a rate limit says when to come again. */
  readonly waits: boolean;
  /** Asks and reads the answer to its end. `heard` is told of every piece of a text that streams. Throws what the library throws. */
  ask(target: Target, heard?: (text: string) => void): Promise<Read>;
  /** What the thrown error of a rate limit says of when to come again, in seconds; of those that do not wait. */
  whenOf?(thrown: unknown): number | undefined;
  /** What it calls an answer that reached its limit; of those that stream. */
  readonly reached?: string;
  /** Whether a thrown error is what the library throws where an answer ends in an error; of those that stream. */
  isTyped?(thrown: unknown): boolean;
}

/** An answer that was read to its end, and why it ended by the words of the library. */
export interface Read {
  readonly finish?: string | null | undefined;
}

export const QUESTION = 'Hello';
/** More than the rest of the budget has room for. */
export const MOST = 8_000;
