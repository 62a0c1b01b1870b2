import { approve } from './approve/index.ts';
import { args } from './arguments/index.ts';
import { defaults } from './defaults.ts';
import { describe } from './describe.ts';
import { filter } from './filter.ts';
import { order } from './order.ts';
import { pin } from './pin/index.ts';
import { redact } from './redact/index.ts';
import { rename } from './rename.ts';
import type { TransformKind } from './transform.ts';

/** The roll: every transform that a source or a route may use. */
export const transforms: readonly TransformKind[] = [filter, args, defaults, describe, order, redact, rename, pin, approve];
