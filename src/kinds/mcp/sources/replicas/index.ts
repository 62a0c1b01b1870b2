import { z } from 'zod';
import { canonicalJson } from '../../../../core/ledger/canonical.ts';
import { a2a } from '../a2a/index.ts';
import { graphql } from '../graphql/index.ts';
import { llm } from '../llm/index.ts';
import { openapi } from '../openapi/index.ts';
import { remote } from '../remote/index.ts';
import { defineSource, type SourceHome, type SourceKind } from '../source.ts';
import { partOf } from './affinity.ts';
import { Group } from './group.ts';

/** What may stand in a group: every kind of source but a group. */
const kinds: readonly SourceKind[] = [remote, openapi, graphql, llm, a2a];

const option = ({ kind, config }: SourceKind) =>
  z.strictObject({ ...(config instanceof z.ZodObject ? config.shape : {}), kind: z.literal(kind) });

const [first, ...others] = kinds.map(option);

const config = z.strictObject({
  of: z
    .array(first === undefined ? z.never() : z.discriminatedUnion('kind', [first, ...others]))
    .min(2)
    .max(8)
    .describe('Sources that serve the same things: copies of one server, or several that have tools of the same names.'),
  equal: z
    .enum(['whole', 'input'])
    .default('whole')
    .describe('When two tools of one name are the same: where all is that is said of them, or where they take the same arguments.'),
  avoid: z
    .int()
    .min(100)
    .max(600_000)
    .default(10_000)
    .describe('Milliseconds for which one that failed is asked only where no other is left.'),
});

type Config = z.output<typeof config>;

const opened = (settings: Config, home: SourceHome) =>
  settings.of.map(({ kind: id, ...own }: { readonly kind: string }, at) => {
    const kind = kindOf(id);
    const { kept } = home;
    return kind.open(kind.config.parse(own), { ...home, ...(kept === undefined ? {} : { kept: partOf(kept, String(at)) }) });
  });

function kindOf(id: string): SourceKind {
  const kind = kinds.find((each) => each.kind === id);
  if (kind === undefined) throw new Error(`a group holds a source of the kind "${id}", which there is not`);
  return kind;
}

/** Several sources for the same things: whoever is served by one stays with it, and goes to another where that fails. */
export const replicas = defineSource({
  kind: 'replicas',
  config,
  examples: [
    {
      of: [
        { kind: 'remote', url: 'https://one.example.com/mcp', key: { secret: 'EXAMPLE_KEY' } },
        { kind: 'remote', url: 'https://two.example.com/mcp' },
      ],
    },
    {
      of: [
        { kind: 'remote', url: 'https://search.example.com/mcp' },
        { kind: 'remote', url: 'https://other-search.example.org/mcp' },
      ],
      equal: 'input',
      avoid: 30_000,
    },
  ],
  problems({ of }, place) {
    const each = of.map(({ kind, ...own }: { readonly kind: string }) => ({
      kind: kindOf(kind),
      settings: kindOf(kind).config.parse(own),
    }));
    const found = each.flatMap(({ kind, settings }, at) =>
      (kind.problems?.(settings, place) ?? []).map(({ path, message }) => ({ path: 'of', message: `[${at}].${path} ${message}` })),
    );
    const auths = each.flatMap(({ kind, settings }) => kind.access?.(settings)?.auth ?? []);
    const isOne = new Set(auths.map((auth) => canonicalJson(JSON.parse(JSON.stringify(auth))))).size < 2;
    return isOne ? found : [...found, { path: 'of', message: 'has callers connect in different ways: write the same `auth` for all' }];
  },
  access: ({ of }) => {
    for (const { kind: id, ...own } of of as readonly { readonly kind: string }[]) {
      const kind = kindOf(id);
      const access = kind.access?.(kind.config.parse(own));
      if (access !== undefined) return access;
    }
    return undefined;
  },
  open: (settings, home) => new Group(opened(settings, home), settings, home),
});
