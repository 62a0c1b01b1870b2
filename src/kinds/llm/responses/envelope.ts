import type { JsonObject } from '../../../core/json.ts';

/** What a response says of the state that was served here, and that its provider knew nothing of. */
export interface Envelope {
  readonly stored: boolean;
  readonly previous?: string | undefined;
  readonly conversation?: string | undefined;
}

const ENDED: ReadonlySet<unknown> = new Set(['completed', 'incomplete']);

export const hasEnded = ({ status }: JsonObject): boolean => ENDED.has(status);

/** A response as its caller is to have it; `now` in milliseconds since the epoch. */
export function enveloped(response: JsonObject, { stored, previous, conversation }: Envelope, now: number): JsonObject {
  return {
    ...response,
    completed_at: hasEnded(response) ? (response.completed_at ?? Math.floor(now / 1000)) : null,
    previous_response_id: previous ?? null,
    ...(conversation === undefined ? {} : { conversation: { id: conversation } }),
    store: stored,
  };
}
