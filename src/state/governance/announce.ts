import type { JsonObject } from '../../core/json.ts';
import type { WebhookEvent } from '../webhooks/payload.ts';

/** Tells whoever wants to hear of it what waits for an operator. Never throws. */
export type Announce = (event: WebhookEvent, org: string, data: JsonObject) => Promise<void>;

/** What tells the webhooks of an organisation. */
export interface Announcer {
  announce(type: WebhookEvent, data: JsonObject): Promise<void>;
}

/** Webhooks hear of what has happened already: where they cannot be told, it has happened all the same. */
export const announcing =
  (of: ((org: string) => Announcer) | undefined, log: (message: string, cause: unknown) => void): Announce =>
  async (event, org, data) => {
    try {
      await of?.(org).announce(event, data);
    } catch (cause) {
      log(`Webhooks of ${org} were not told: ${event}`, cause);
    }
  };
