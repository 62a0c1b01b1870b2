import type { LlmCall } from '../call.ts';
import type { OperationCall } from '../operation.ts';
import type { Awaitable } from '../policy.ts';
import { askedBy } from './asked.ts';
import { fingerprintOf } from './fingerprint.ts';

/** Characters of all bodies that are remembered, and of one: what asks for the same again is short, or comes seldom. */
const MOST = 2 * 1024 * 1024;
const LONGEST = 32 * 1024;

/**
 * Digests of what calls ask for. Reading a body, writing it again to see whether all of it was read, and hashing that is most
 * of what a hit costs; a chat whose body comes again letter for letter asks for the same, so it is done once an isolate.
 */
export class AskedDigests {
  /** `null`: its answer must not be given to anybody else. */
  readonly #known = new Map<string, string | null>();
  #characters = 0;

  /** As `askedBy`, in one digest. */
  of(call: LlmCall | OperationCall): Awaitable<string | undefined> {
    const name = nameOf(call);
    if (name === undefined) return digestOf(call);
    const known = this.#known.get(name);
    if (known === undefined) return this.#learn(name, call);
    return known ?? undefined;
  }

  async #learn(name: string, call: LlmCall | OperationCall): Promise<string | undefined> {
    const digest = await digestOf(call);
    if (this.#known.has(name)) return digest;
    if (this.#characters + name.length > MOST) this.#forget();
    this.#known.set(name, digest ?? null);
    this.#characters += name.length;
    return digest;
  }

  /** The older half: what is asked often is soon known again. */
  #forget(): void {
    for (const oldest of this.#known.keys()) {
      if (this.#characters <= MOST / 2) return;
      this.#known.delete(oldest);
      this.#characters -= oldest.length;
    }
  }
}

/** All that `askedBy` looks at; `undefined` where that is more than a body and its address. */
function nameOf(call: LlmCall | OperationCall): string | undefined {
  if (call.dialect === undefined || !call.isAsWritten || call.wire.text.length > LONGEST) return undefined;
  return `${call.dialect.id} ${call.operation} ${call.address === undefined ? '' : JSON.stringify(call.address)}\n${call.wire.text}`;
}

async function digestOf(call: LlmCall | OperationCall): Promise<string | undefined> {
  const asked = askedBy(call);
  return asked === undefined ? undefined : fingerprintOf(asked);
}
