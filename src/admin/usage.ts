import { z } from 'zod';
import type { Page, PageRequest } from '../state/paging.ts';
import type { RecordFilters } from '../state/record-filters.ts';
import { type Dimension, isPlainDimension, plainDimensions, reportUsage } from '../state/usage-report.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { pageShape, paging } from './input.ts';
import { checkFilters, isMetadataName, logFilters, ownersOf } from './log-filters.ts';
import { usageItem } from './log-shapes.ts';

/** Milliseconds before now that are summed where nobody says since when: a sum reads every call of its time. */
const WINDOW = 30 * 24 * 3_600_000;
/** What one report may be divided by. */
const MOST_DIMENSIONS = 5;
const METADATA = 'metadata.';

const groupByOr = (usual: string) =>
  z
    .string()
    .describe(
      `One or several of ${plainDimensions.join(', ')} and metadata.<name>, with commas. Periods are of UTC. Nothing: one sum of all.`,
    )
    .default(usual)
    .transform((text, context): readonly Dimension[] => {
      const names = text === '' ? [] : text.split(',').map((name) => name.trim());
      const dimensions = names.flatMap((name) => dimensionOf(name) ?? []);
      const unknown = names.find((name) => dimensionOf(name) === undefined);
      if (unknown !== undefined) context.addIssue({ code: 'custom', message: `does not take "${unknown}"` });
      if (new Set(names).size < names.length) context.addIssue({ code: 'custom', message: 'names something twice' });
      if (names.length > MOST_DIMENSIONS) context.addIssue({ code: 'custom', message: `takes ${MOST_DIMENSIONS} at most` });
      return dimensions;
    });

function dimensionOf(name: string): Dimension | undefined {
  if (isPlainDimension(name)) return name;
  const entry = name.startsWith(METADATA) ? name.slice(METADATA.length) : '';
  return entry !== '' && isMetadataName(entry) ? { metadata: entry } : undefined;
}

/** A page goes on where the one before ended, so its time must not move: whole hours stay. */
const sinceOf = (filters: Pick<RecordFilters, 'since' | 'until'>, { clock }: AdminDeps): number =>
  filters.since ?? Math.floor(((filters.until ?? clock.now()) - WINDOW) / 3_600_000) * 3_600_000;

type Report = (
  db: D1Database,
  asked: PageRequest & { readonly by: readonly Dimension[]; readonly filters: RecordFilters },
) => Promise<Page<unknown>>;

/** How a report is asked for, and who answers it. `usual`: what calls are divided by where nothing is said. */
export function asReport(usual: string, report: Report) {
  const query = z.strictObject({
    ...paging,
    group_by: groupByOr(usual),
    ...logFilters,
    since: logFilters.since.describe('At or after: milliseconds since the epoch, or ISO 8601. 30 days ago where nothing is said.'),
  });
  const handle = async (context: AdminContext, deps: AdminDeps): Promise<Response> => {
    const { limit, cursor, group_by: by, org, team, app, ...filters } = checkFilters(query, context.req.query());
    const db = requireDb(deps);
    const owners = await ownersOf(db, { org, team, app });
    const since = sinceOf(filters, deps);
    return context.json(await report(db, { by, limit, cursor, filters: { ...filters, ...owners, since } }));
  };
  return { query, handle };
}

const usage = asReport('', reportUsage);

export const usageRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/usage',
    doc: {
      summary: 'What calls came to, dearest first; by period, where that is named first, the newest first',
      query: usage.query,
      answer: pageShape(usageItem),
    },
    handle: usage.handle,
  },
];
