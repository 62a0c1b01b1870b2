// What the gateway does with two questions, for the scripts that train and measure it.

export { similarity } from '../../src/core/meaning/embedder.ts';
export { loadStaticEmbedder } from '../../src/core/meaning/static/index.ts';
export { wilson } from '../../src/core/meaning/wilson.ts';
export { judge, unfit } from '../../src/core/sameness/index.ts';
export { PROBABLE } from '../../src/core/sameness/judge.ts';
export { areOpposite } from '../../src/core/sameness/opposites.ts';
export { pairOf } from '../../src/core/sameness/pair.ts';
export { read } from '../../src/core/sameness/reading.ts';
export { FEATURE_NAMES, featuresOf } from '../../src/core/sameness/verifier.ts';
