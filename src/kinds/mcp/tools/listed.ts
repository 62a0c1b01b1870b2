import { asString, type JsonObject } from '../../../core/json.ts';
import { compactTool } from './compact.ts';
import { describeTool } from './own.ts';
import type { Showing } from './showing.ts';

/** How a route lists tools: what stands before them, and each of them. */
export interface Listed {
  readonly first: readonly JsonObject[];
  /** The same for the same tool, whoever asks. */
  readonly as: (tool: JsonObject) => JsonObject;
}

export const AS_THEY_ARE: Listed = { first: [], as: (tool) => tool };

export const listedBy = ({ show, always }: Showing): Listed =>
  show === 'compact'
    ? { first: [describeTool], as: (tool) => (always.has(asString(tool.name) ?? '') ? tool : compactTool(tool)) }
    : AS_THEY_ARE;
