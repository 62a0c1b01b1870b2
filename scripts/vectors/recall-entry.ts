// What `recall.mjs` needs of the gateway.

export { loadStaticEmbedder } from '../../src/core/meaning/static/index.ts';
export { Arena } from '../../src/state/vectors/arena.ts';
export { Partition, signsOf } from '../../src/state/vectors/partition.ts';
