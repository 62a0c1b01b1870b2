/// <reference path="./binary.d.ts" />
import type { Encoding, Tokenizer, Tokenizers } from '../../core/tokens/encoding.ts';
import { tokenizer } from '../../core/tokens/tokenizer.ts';

/** Modules beside the Worker's code: an isolate that counts nothing holds none of them. */
const files: { readonly [encoding in Encoding]: () => Promise<{ readonly default: ArrayBuffer }> } = {
  o200k_base: () => import('./o200k_base.bin'),
  cl100k_base: () => import('./cl100k_base.bin'),
};

/** Tokenizers of one isolate, each made once, when it is first asked for. */
export function lazyTokenizers(): Tokenizers {
  const made = new Map<Encoding, Promise<Tokenizer>>();
  return {
    of(encoding) {
      let promise = made.get(encoding);
      if (promise === undefined) {
        promise = files[encoding]().then((file) => tokenizer(encoding, file.default));
        made.set(encoding, promise);
      }
      return promise;
    },
  };
}
