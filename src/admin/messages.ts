import { z } from 'zod';
import { levels, units } from '../core/ledger/take.ts';

// What webhooks are sent, as the OpenAPI document describes it; made by `state/webhooks/payload.ts`.

const moment = z.iso.datetime();

const budget = {
  org: z.string().describe('The id of the organisation.'),
  level: z.enum(levels).describe('Whose limit it is: of an organisation, a team, an app or a key.'),
  id: z.string().describe('The id of that.'),
  per: z
    .partialRecord(z.enum(levels), z.string())
    .optional()
    .describe('Where the limit counts each of something by itself: which it is. {"user": "ann"}'),
  tools: z.array(z.string()).optional().describe('Where the limit counts calls of some tools alone: which.'),
  unit: z.enum(units),
  window: z.enum(['minute', 'hour', 'day', 'week', 'month']).nullable().describe('null: for good.'),
  zone: z.string().optional().describe('The time zone of the window; UTC when absent.'),
  limit: z.number().describe('Dollars for usd, else a whole number, as all amounts here.'),
  used: z.number().describe('What is settled. Calls under way are not in it.'),
  since: moment.nullable().describe('When the window began.'),
  resetsAt: moment.nullable().describe('When it ends.'),
};

const message = <T extends string>(type: T, data: z.ZodType) =>
  z.strictObject({ type: z.literal(type), timestamp: moment.describe('When it happened.'), data });

export interface MessageDoc {
  readonly type: string;
  readonly summary: string;
  readonly body: z.ZodType;
}

export const messages: readonly MessageDoc[] = [
  {
    type: 'budget.alert',
    summary: 'What is settled has come to a fraction of a limit; once for each fraction and window',
    body: message(
      'budget.alert',
      z.strictObject({
        ...budget,
        fraction: z.number().describe('One of alertAt.'),
        soft: z.literal(true).optional().describe('The limit refuses nothing.'),
      }),
    ),
  },
  {
    type: 'approval.requested',
    summary: 'A call of a tool waits for an operator',
    body: message(
      'approval.requested',
      z.strictObject({
        id: z.string().describe('Of the approval: what the call is with is read and decided by it.'),
        ...{ org: z.string(), team: z.string(), app: z.string(), key: z.string(), user: z.string().nullable() },
        ...{ route: z.string(), source: z.string(), tool: z.string() },
        expiresAt: z.int().describe('Until when it can be decided; milliseconds since the epoch.'),
      }),
    ),
  },
  {
    type: 'tool.quarantined',
    summary: 'Tools of a server are not what was approved, or were never approved; once for each, with what the same reading found',
    body: message(
      'tool.quarantined',
      z.strictObject({
        org: z.string().describe('Whose caller has seen them.'),
        place: z
          .strictObject({ org: z.string().nullable(), route: z.string(), source: z.string() })
          .describe('Where they are pinned; org is null where they are for every organisation together.'),
        tools: z.array(z.strictObject({ id: z.string(), name: z.string(), status: z.enum(['pending', 'changed']) })).max(20),
        count: z.int().describe('How many there are: the first 20 are named.'),
      }),
    ),
  },
  {
    type: 'budget.exhausted',
    summary: 'A budget has refused a call; once for each window',
    body: message(
      'budget.exhausted',
      z.strictObject({
        ...budget,
        held: z.number().describe('What calls under way hold.'),
        asked: z.number().describe('What the call might have come to.'),
      }),
    ),
  },
  {
    type: 'ping',
    summary: 'A try: nothing has happened',
    body: message('ping', z.strictObject({ org: z.string(), webhook: z.string().describe('The id of the webhook.') })),
  },
];
