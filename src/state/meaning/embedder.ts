/// <reference path="../vocabulary/binary.d.ts" />
import type { Embedder } from '../../core/meaning/embedder.ts';
import { loadStaticEmbedder, type StaticEmbedder } from '../../core/meaning/static/index.ts';
import { staticEnglish } from './static-en.ts';

/** The embedder that runs in the isolate: its weights, a module beside the Worker's code, are loaded when the first text comes. */
export function isolateEmbedder(): Embedder {
  let made: Promise<StaticEmbedder> | undefined;
  return {
    ...staticEnglish,
    async embed(texts) {
      made ??= import('./static-en.bin').then((file) => loadStaticEmbedder(file.default));
      return (await made).embed(texts);
    },
  };
}
