import fc from '../node_modules/fast-check/lib/fast-check.js';

// What the tests import as `fast-check`: the same sources try the same cases, so that a run tells of the sources and not of
// its luck; every change of them tries others. `FAST_CHECK_SEED=… npm test` tries those of that number.

/** Of the configuration of the tests. */
declare const FAST_CHECK_SEED: number;

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: FAST_CHECK_SEED });

export * from '../node_modules/fast-check/lib/fast-check.js';
export { default } from '../node_modules/fast-check/lib/fast-check.js';
