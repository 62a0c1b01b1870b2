import { z } from 'zod';
import { parseCidr } from '../../core/cidr.ts';
import { MOST_TOOLS, readLimit } from '../../core/ledger/limits.ts';
import { HIGHEST_FRACTION, levels, MOST_FRACTIONS, units } from '../../core/ledger/take.ts';

// What organisations, teams, apps and keys look like on the wire. The OpenAPI document and the types of the command line are made from here.

const text = (most: number) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(most)
    .regex(/^[^\p{Cc}]*$/u, { error: 'must not hold control characters' });

const name = text(128).describe('Unique among those that belong to the same; of keys, any.');

/** As in the configuration: `{"unit": "usd", "limit": 25, "window": "month"}`. What may go together, `readLimit` says. */
export const limit = z
  .strictObject({
    unit: z.enum(units),
    limit: z.number().min(0, { abort: true }).describe('Dollars for usd, else a whole number.'),
    window: z.string().optional().describe('Rates: 30s, 1m, 1h. Of the calendar: hour, day or 1d, week, month. Absent: for good.'),
    per: z.enum(levels).optional().describe('Counted for each of these on its own.'),
    tools: z
      .array(z.string().max(128))
      .min(1)
      .max(MOST_TOOLS)
      .optional()
      .describe('Counts calls of these tools of MCP servers alone: names such as mcp/team/search*, where * stands for any text.'),
    burst: z.int().min(0).optional().describe('What a rate lets through at once; the limit itself when absent.'),
    zone: z.string().optional().describe('The time zone of a window of the calendar; UTC when absent.'),
    alertAt: z
      .array(z.number().gt(0).max(HIGHEST_FRACTION))
      .max(MOST_FRACTIONS)
      .optional()
      .describe('Fractions of the limit: when what is settled comes to one of them, webhooks are told, once in each window.'),
    soft: z.boolean().optional().describe('It refuses nothing and is only told of: at 1 when alertAt is absent.'),
  })
  .superRefine((value, context) => {
    const read = readLimit(value);
    if ('problem' in read) context.addIssue({ code: 'custom', message: read.problem });
  });

const EMPTY = 'must not be empty: null stands for no restriction';
const listOf = <T extends z.ZodType>(item: T, about: string) =>
  z.array(item).min(1, { error: EMPTY }).max(500).nullable().describe(`${about} null: all.`);

const cidr = z.string().refine((value) => parseCidr(value) !== undefined, {
  error: 'is not an address or a range such as 192.0.2.0/24 or 2001:db8::/32 (no bits may be set behind the prefix)',
});

const country = z
  .string()
  .regex(/^[A-Za-z]{2}$/, { error: 'is not a country of two letters, such as DE' })
  .toUpperCase();

const metadata = z
  .record(text(64), z.union([z.string().max(512), z.number(), z.boolean(), z.null()]))
  .refine((value) => Object.keys(value).length <= 50, { error: 'must have 50 entries at most' })
  .describe('Flat; the narrower level wins. Cost can be attributed by it.');

const expiresAt = z
  .union([z.int().min(0), z.iso.datetime({ offset: true }), z.iso.date()], {
    error: 'must be milliseconds since the epoch or an ISO 8601 date',
  })
  .transform((value) => (typeof value === 'number' ? value : Date.parse(value)))
  .nullable()
  .describe('When it ends: milliseconds since the epoch, or ISO 8601. null: never.');

const rules = {
  limits: z.array(limit).max(32).describe('All must hold, and those of every level above too.'),
  models: listOf(text(200), 'The models that may be asked for, as callers name them; * stands for any text.'),
  routes: listOf(text(128), 'The routes of the configuration that may be used.'),
  ips: listOf(cidr, 'The addresses and ranges from which it may be used.'),
  countries: listOf(country, 'The countries from which it may be used.'),
  metadata,
  disabled: z.boolean().describe('While it is, nothing below it works.'),
};

const optional = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape).partial().shape;

const org = text(128).describe('Id or name of the organisation.');
const team = text(128).describe('Id or name of the team.');
const app = text(128).describe('Id or name of the app.');

export const createOrg = z.strictObject({ name, ...optional(rules) });
export const createTeam = z.strictObject({ name, org, ...optional(rules) });
export const createApp = z.strictObject({
  name,
  team,
  org: org.optional().describe('Where several organisations have a team of that name.'),
  ...optional(rules),
});
/** As LiteLLM keeps keys. */
export const importedHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/i, { error: 'is not a SHA-256 in hex' })
  .toLowerCase()
  .describe('The SHA-256, in hex, of a key that another gateway made: it works as this key does.');

export const createKey = z.strictObject({
  name,
  app,
  team: team.optional().describe('Where several teams have an app of that name.'),
  org: org.optional().describe('Where several organisations have one.'),
  ...optional(rules),
  expiresAt: expiresAt.optional(),
  environment: z.enum(['live', 'dev', 'test']).optional().describe('A label that stands in the key. dev in local runs, else live.'),
  importedHash: importedHash.optional(),
});

export const change = z.strictObject(optional({ name, ...rules }));
export const changeKey = z.strictObject(optional({ name, ...rules, expiresAt }));

const DURATION = /^(\d{1,6})(s|m|h|d)$/;
const SCALE: { readonly [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MOST_OVERLAP = 30 * 86_400_000;

export const rotate = z.strictObject({
  overlap: z
    .string()
    .regex(DURATION, { error: 'must be a time such as 24h, 30m or 0s' })
    .transform((value) => {
      const [, count = '0', unit = 's'] = DURATION.exec(value) ?? [];
      return Number(count) * (SCALE[unit] ?? 0);
    })
    .refine((value) => value <= MOST_OVERLAP, { error: 'must be 30 days at most' })
    .default(86_400_000)
    .describe('How long the key before stays good: 24h when absent, 0s for not at all, 30d at most.'),
});

const ids = { id: z.string() };
const moments = {
  createdAt: z.int().describe('Milliseconds since the epoch.'),
  updatedAt: z.int(),
  deletedAt: z.int().optional().describe('Present on what was deleted.'),
};
const told = z.strictObject(rules).shape;

export const orgResource = z.strictObject({ ...ids, name, ...told, ...moments });
export const teamResource = z.strictObject({ ...ids, org: z.string(), name, ...told, ...moments });
export const appResource = z.strictObject({ ...ids, org: z.string(), team: z.string(), name, ...told, ...moments });
export const keyResource = z.strictObject({
  ...ids,
  org: z.string(),
  team: z.string(),
  app: z.string(),
  name,
  ...told,
  environment: z.enum(['live', 'dev', 'test']),
  prefix: z.string().describe('How the key begins; the key itself is stored nowhere.'),
  expiresAt: z.int().nullable(),
  previousUntil: z.int().nullable().describe('Until when the key before the last rotation is good.'),
  ...moments,
});
/** What making and rotating a key answers, and nothing else ever does. */
export const keyOnce = z.strictObject({ ...ids, key: z.string().describe('The key, this once.'), ...keyResource.omit({ id: true }).shape });

export type OrgResource = z.output<typeof orgResource>;
export type TeamResource = z.output<typeof teamResource>;
export type AppResource = z.output<typeof appResource>;
export type KeyResource = z.output<typeof keyResource>;
export type KeyOnce = z.output<typeof keyOnce>;
