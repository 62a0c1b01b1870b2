import type { Dialect } from '../src/core/dialect.ts';
import type { Cell } from '../test/matrix/matrix.ts';
import { clients, rows, upstreams } from '../test/matrix/table.ts';

/** `docs/translation.md`: what every client can ask of every provider and hear of it, from the codecs themselves. */
export function translationPage(): string {
  return `${HEAD}\n${upstreams.map(section).join('\n')}`;
}

const HEAD = `# Translation

What becomes of each thing a client asks and hears when the provider speaks another dialect. This page is written by \`npm run docs\` from the codecs and the cases in \`test/matrix\`, and a test holds it to them. A call that stays in its dialect is not translated at all: it is forwarded as it came, and its own column below shows only what the canonical form makes of it.

- \`=\` carried as it was
- \`≈\` said in another way, the nearest there is
- \`~\` lost or lessened, and named: in \`x-weir-loss\`, or in the \`: weir {…}\` comment of a stream asked for with \`x-weir-explain: 1\`. \`x-weir-strict: 1\` refuses a call that would lose anything
- \`-\` whoever would say it has no words for it

A signature of a provider that is carried through a client of another dialect comes back to that provider byte for byte; no other provider is ever sent it.
`;

/** One row for what is the same streamed and not. */
function named(provider: Dialect): readonly (readonly [string, readonly string[]])[] {
  const lines: (readonly [string, readonly string[]])[] = [];
  const streams = new Map<string, readonly string[]>();
  for (const { name, cell } of rows) {
    const marks = clients.map((client) => cell(client, provider).mark);
    if (name.startsWith('streamed: ')) {
      streams.set(name.slice('streamed: '.length), marks);
      continue;
    }
    if (!name.startsWith('answered: ')) {
      lines.push([name, marks]);
      continue;
    }
    const streamed = streams.get(name.slice('answered: '.length)) ?? marks;
    lines.push([name, marks.map((mark, at) => (mark === streamed[at] ? mark : `${mark} (streamed ${streamed[at]})`))]);
  }
  return lines;
}

function section(provider: Dialect): string {
  const head = `| | ${clients.map(({ id }) => id).join(' | ')} |\n| --- |${' :---: |'.repeat(clients.length)}`;
  const lines = named(provider).map(([name, marks]) => `| ${name} | ${marks.join(' | ')} |`);
  return `\n## Onto a provider that speaks ${provider.id}\n\n${head}\n${lines.join('\n')}\n\n${losses(provider)}`;
}

/** The names under which things are lost, by client. */
function losses(provider: Dialect): string {
  const lines = clients.flatMap((client) => {
    const lost = rows.flatMap(({ name, cell }): readonly string[] => lossOf(name, cell(client, provider)));
    return lost.length === 0 ? [] : [`- **${client.id}**: ${[...new Set(lost)].join('; ')}`];
  });
  return lines.length === 0 ? 'Nothing is lost.\n' : `Lost, by client, with the names under which it is reported:\n\n${lines.join('\n')}\n`;
}

const lossOf = (name: string, { mark, loss }: Cell) =>
  mark === '~' ? [`${name.replace(/^\w+: /, '')} (${[...new Set(loss)].map((each) => `\`${each}\``).join(', ')})`] : [];
