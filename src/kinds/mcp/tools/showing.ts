import { z } from 'zod';

const mode = z.enum(['all', 'search', 'compact']);

/** What of a route's tools its clients are listed, as the operator writes it. */
export const showing = z
  .union([
    mode,
    z.strictObject({
      show: mode,
      always: z
        .array(z.string().min(1).max(128))
        .max(100)
        .optional()
        .describe('Tools, by the names that clients know, that stand in the list with all that is said of them, whatever `show` is.'),
    }),
  ])
  .describe(
    'What clients are listed of the tools. `all` (the default): every one as it is. `search`: `search_tools` and `call_tool`, by which the ' +
      'others are found and called. `compact`: every one, without most of what is said of it, and `describe_tool`, which says it.',
  );

export interface Showing {
  readonly show: z.output<typeof mode>;
  /** Listed with all that is said of them. */
  readonly always: ReadonlySet<string>;
}

export const ALL_SHOWN: Showing = { show: 'all', always: new Set() };

export function showingOf(written: z.output<typeof showing> | undefined): Showing {
  if (written === undefined) return ALL_SHOWN;
  if (typeof written === 'string') return { show: written, always: new Set() };
  return { show: written.show, always: new Set(written.always) };
}
