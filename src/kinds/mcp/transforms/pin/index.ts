import { z } from 'zod';
import { isObject, type JsonObject } from '../../../../core/json.ts';
import type { ListenFilter, Offer, Source, SourceContext } from '../../sources/source.ts';
import { textOf } from '../../wire/message.ts';
import { defineTransform, handedOn, remembered } from '../transform.ts';
import { stripped } from './definition.ts';
import { PinnedTools, type PinSettings } from './pinned.ts';

/** Milliseconds between two looks at what was approved, for who listens. */
const LOOK_EVERY = 15_000;

const config = z.strictObject({
  mode: z
    .enum(['first-use', 'approve'])
    .optional()
    .describe(
      '"first-use", when absent: what the server lists the very first time is trusted. "approve": nothing is, before an operator approves it.',
    ),
  added: z
    .enum(['hold', 'trust'])
    .optional()
    .describe(
      'With "first-use": whether tools that come later, renamed ones too, wait for an operator or are trusted at first sight; "hold" when absent.',
    ),
  hidden: z
    .enum(['quarantine', 'strip', 'flag'])
    .optional()
    .describe(
      'Of tools in whose texts something hides: "quarantine", when absent: they wait for an operator in any mode. "strip": it is taken out of descriptions and titles. "flag": operators are told. What was found is told in all three.',
    ),
  per: z.enum(['route', 'organisation']).optional().describe('Whether one approval is good for every organisation; "route" when absent.'),
  recheck: z
    .int()
    .min(0)
    .max(3_600_000)
    .optional()
    .describe("Milliseconds after which a call has the source's list read again; 30,000 when absent. 0: before every call."),
  except: z
    .array(z.string().min(1).max(256))
    .max(32)
    .optional()
    .describe('Keys of `_meta` that change by themselves: they are not pinned. All else of a tool is.'),
});

/** Tools are used as they were when they were approved, or not at all. */
export const pin = defineTransform({
  use: 'pin',
  config,
  examples: [
    {},
    { mode: 'approve', hidden: 'strip', per: 'organisation' },
    { added: 'trust', recheck: 0, except: ['example.com/served-at'] },
  ],
  wrap(written, source, home) {
    const settings = settingsOf(written);
    const tools = new PinnedTools(settings, source, home);
    const shown = settings.hidden === 'strip' ? remembered(stripped) : (item: JsonObject) => item;
    return {
      ...handedOn(source),
      offer: async (context) => telling(source, await source.offer(context)),
      async list(what, cursor, context) {
        const page = await source.list(what, cursor, context);
        if (what !== 'tools') return page;
        const items = (await tools.ofPage(page, cursor, context)).map(shown);
        const { ttlMs, ...rest } = page;
        return { ...rest, items, ...(ttlMs === undefined ? {} : { ttlMs: Math.min(ttlMs, settings.recheck) }) };
      },
      async request(ask, context) {
        if (ask.method === 'tools/call') await tools.check(textOf(ask.params, 'name') ?? '', context);
        return source.request(ask, context);
      },
      ...(source.listen === undefined ? {} : { listen: (filter, context) => listen(source, tools, filter, context) }),
    };
  },
});

function settingsOf({ mode, added, hidden = 'quarantine', per, recheck = 30_000, except = [] }: z.output<typeof config>): PinSettings {
  const trust = mode === 'approve' ? 'none' : added === 'trust' ? 'all' : 'first';
  return { trust, hidden, perOrg: per === 'organisation', recheck, except };
}

/** What is approved becomes a tool that can be listed: the list changes, whether or not the source says so of its own. */
function telling(source: Source, offer: Offer): Offer {
  const { tools } = offer.capabilities;
  if (source.listen === undefined || !isObject(tools)) return offer;
  return { ...offer, capabilities: { ...offer.capabilities, tools: { ...tools, listChanged: true } } };
}

/** As long as somebody listens, what was approved is looked at too. */
async function listen(source: Source, tools: PinnedTools, filter: ListenFilter, context: SourceContext): Promise<void> {
  const notify: SourceContext['notify'] = (method, params) => {
    if (method === 'notifications/tools/list_changed') tools.forget();
    context.notify(method, params);
  };
  await Promise.all([
    source.listen?.(filter, { ...context, notify }),
    filter.toolsListChanged === true ? watch(tools, context) : undefined,
  ]);
}

/** Tells who listens when something was approved, or is not any more. */
async function watch(tools: PinnedTools, context: SourceContext): Promise<void> {
  const look = () => tools.standing(context).catch(() => undefined);
  let before = await look();
  while (await goesOn(context.signal)) {
    const now = await look();
    if (now === undefined) continue;
    if (before !== undefined && now !== before) context.notify('notifications/tools/list_changed', {});
    before = now;
  }
}

/** A while later; false where nobody listens any more. */
function goesOn(signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const gone = () => {
    clearTimeout(timer);
    resolve(false);
  };
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', gone);
    resolve(true);
  }, LOOK_EVERY);
  if (signal.aborted) gone();
  else signal.addEventListener('abort', gone, { once: true });
  return promise;
}
