import { isObject, type JsonObject } from '../core/json.ts';
import type { RequestRecord } from '../core/ports.ts';

/** A row without what only one that is asked for by its id shows. */
export function withoutDecision({ facts, ...row }: RequestRecord): RequestRecord {
  if (facts === undefined) return row;
  const { decision: _, ...rest } = facts;
  return Object.keys(rest).length === 0 ? row : { ...row, facts: rest };
}

/**
 * How a call found its way. Where there was nothing to decide and nothing failed it is not written down: the row says it.
 * `ms` is counted from when the call came, then.
 */
export function decisionOf(row: RequestRecord): JsonObject {
  const kept = row.facts?.decision;
  if (isObject(kept)) return kept;
  const { askedModel = '', servedModel, attempts, firstTokenMs } = row;
  if (servedModel === undefined) return { model: askedModel, candidates: [], attempts: [] };
  const answered = { target: servedModel, ...(firstTokenMs === undefined ? {} : { ms: firstTokenMs }), outcome: 'answered' };
  return { model: askedModel, candidates: [{ target: servedModel }], attempts: attempts === 0 ? [] : [answered] };
}
