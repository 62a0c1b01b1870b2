import type { TransformKind } from './transform.ts';

/** The roll: every transform that a source or a route may use. */
export const transforms: readonly TransformKind[] = [];
