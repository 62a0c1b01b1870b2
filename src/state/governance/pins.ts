import { within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Pin, PinBook, PinPlace, PinStatus, Seen, SeenTool, ToolPins } from '../../core/governance.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';
import type { Announce } from './announce.ts';

/** Milliseconds for which what was read is good: so soon a decision is known to every isolate. */
export const FRESH = 3_000;
/** Milliseconds for which it is gone by while the database does not answer. */
const USABLE = 60_000;
const DEADLINE = 5_000;
/** Places that an isolate remembers. */
const REMEMBERED = 500;
/** Tools of one place: a server that makes up new ones has no end of them. */
export const MOST_TOOLS = 10_000;
/** Characters of a definition that is kept to be looked at; of a larger one the digest is kept alone. */
export const LARGEST = 100_000;
/** Tools that one message names. */
const MOST_TOLD = 20;
/** Characters of one statement's tools: a value may have 2 MB (developers.cloudflare.com/d1/platform/limits). */
const PIECE = 500_000;

interface Known {
  /** `undefined`: the source was never read. */
  readonly book: PinBook | undefined;
  readonly at: number;
}

/** A tool that may not be used any more, or not yet. */
interface Held {
  readonly id: string;
  readonly name: string;
  readonly status: PinStatus;
}

interface Row {
  readonly name: string;
  readonly status: PinStatus;
  readonly approved_digest: string | null;
  readonly seen_digest: string;
}

/** What was approved of tools. Its one owner is a table: who approves, the audit of it and what it changes are one transaction there. */
export class TablePins implements ToolPins {
  readonly #db: D1Database;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #announce: Announce | undefined;
  readonly #known = new Snapshots<Known>(REMEMBERED);

  constructor(db: D1Database, clock: Clock, newId: () => string, announce?: Announce) {
    this.#announce = announce;
    this.#db = db;
    this.#clock = clock;
    this.#newId = newId;
  }

  async read(place: PinPlace): Promise<PinBook | undefined> {
    const known = this.#known.get(nameOf(place));
    const age = known === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - known.at;
    if (known !== undefined && age < FRESH) return known.book;
    try {
      return await this.#ask(place, []);
    } catch (cause) {
      if (known !== undefined && age < USABLE) return known.book;
      throw unavailable(cause);
    }
  }

  async see(place: PinPlace, seen: Seen): Promise<PinBook> {
    const news: Held[] = [];
    const book = await this.#ask(place, this.#notes(place, seen), news).catch((cause: unknown) => {
      throw unavailable(cause);
    });
    if (news.length > 0) await this.#tell(news, place, seen);
    return book ?? new Map();
  }

  /** Once for a reading, of which every tool may be new. */
  async #tell(news: readonly Held[], { org, route, source }: PinPlace, { by }: Seen): Promise<void> {
    const tools = news.slice(0, MOST_TOLD).map(({ id, name, status }) => ({ id, name: name.slice(0, 256), status }));
    await this.#announce?.('tool.quarantined', by, { org: by, place: { org: org ?? null, route, source }, tools, count: news.length });
  }

  /** `news`: takes what `before` has taken out of use. */
  async #ask(place: PinPlace, before: readonly D1PreparedStatement[], news: Held[] = []): Promise<PinBook | undefined> {
    const at = this.#clock.now();
    const where = columnsOf(place);
    const results = await within(
      DEADLINE,
      this.#db.batch([
        ...before,
        this.#db.prepare('SELECT at FROM mcp_pinned WHERE org = ? AND route = ? AND source = ?').bind(...where),
        this.#db.prepare(READ).bind(...where),
      ]),
    );
    const [founded, rows] = results.slice(-2) as [D1Result<{ at: number }>, D1Result<Row>];
    for (const { results: held } of results.slice(0, -2)) news.push(...(held as Held[]));
    const book = founded.results.length === 0 ? undefined : new Map(rows.results.map((row) => [row.name, pinOf(row)]));
    this.#known.put(nameOf(place), { book, at });
    return book;
  }

  #notes(place: PinPlace, { tools, isWhole, trust, holdsHidden }: Seen): D1PreparedStatement[] {
    const now = this.#clock.now();
    const where = columnsOf(place);
    const token = this.#newId();
    const founding = isWhole
      ? [
          this.#db
            .prepare('INSERT OR IGNORE INTO mcp_pinned (org, route, source, token, at) VALUES (?, ?, ?, ?, ?)')
            .bind(...where, token, now),
        ]
      : [];
    const trusted = (tool: SeenTool) => (holdsHidden && tool.flags.length > 0 ? 'none' : trust);
    const written = tools.map((tool) => JSON.stringify({ ...rowOf(tool), id: `tool_${this.#newId()}`, trust: trusted(tool) }));
    const statements = pieces(written).flatMap((piece) => {
      const list = `[${piece.join(',')}]`;
      return [
        this.#db.prepare(CHANGED).bind(...where, list),
        this.#db.prepare(SEE).bind(...where, token, now, list),
        this.#db.prepare(ADDED).bind(list),
      ];
    });
    return [...founding, ...statements];
  }
}

const READ = 'SELECT name, status, approved_digest, seen_digest FROM mcp_tools WHERE org = ? AND route = ? AND source = ?';

/**
 * A tool that was approved and is another one now is `changed`, and stays so also where it changes back: a server that can
 * show two faces shows the good one to who looks. What somebody has decided is only changed by somebody.
 */
const SEE = `
  INSERT INTO mcp_tools (id, org, route, source, name, status, approved_digest, approved, approved_by, approved_at,
    seen_digest, seen, flags, first_seen_at, seen_at)
  SELECT id, ?1, ?2, ?3, name, iif(good, 'approved', 'pending'), iif(good, digest, NULL), iif(good, definition, NULL),
    iif(good, 'first-use', NULL), iif(good, ?5, NULL), digest, definition, flags, ?5, ?5
  FROM (
    SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.name') AS name, json_extract(value, '$.digest') AS digest,
      json_extract(value, '$.definition') AS definition, json_extract(value, '$.flags') AS flags,
      json_extract(value, '$.trust') = 'all' OR (json_extract(value, '$.trust') = 'first' AND EXISTS (
        SELECT 1 FROM mcp_pinned WHERE org = ?1 AND route = ?2 AND source = ?3 AND token = ?4)) AS good
    FROM json_each(?6)
    WHERE (SELECT COUNT(*) FROM mcp_tools WHERE org = ?1 AND route = ?2 AND source = ?3) < ${MOST_TOOLS}
      OR EXISTS (SELECT 1 FROM mcp_tools WHERE org = ?1 AND route = ?2 AND source = ?3 AND name = json_extract(value, '$.name'))
  )
  WHERE true
  ON CONFLICT (org, route, source, name) DO UPDATE SET
    status = iif(mcp_tools.status = 'approved', 'changed', mcp_tools.status), seen_digest = excluded.seen_digest, seen = excluded.seen,
    flags = excluded.flags, seen_at = excluded.seen_at, version = mcp_tools.version + 1
  WHERE excluded.seen_digest IS NOT mcp_tools.seen_digest AND excluded.seen_digest IS NOT mcp_tools.approved_digest`;

/** Of the tools that are seen, those that were good until now. Asked before they are noted, in the same transaction. `CROSS JOIN` has SQLite look each up. */
const CHANGED = `
  SELECT mcp_tools.id AS id, mcp_tools.name AS name, 'changed' AS status FROM json_each(?4) AS seen
  CROSS JOIN mcp_tools ON org = ?1 AND route = ?2 AND source = ?3 AND name = json_extract(seen.value, '$.name')
  WHERE status = 'approved' AND json_extract(seen.value, '$.digest') IS NOT seen_digest
    AND json_extract(seen.value, '$.digest') IS NOT approved_digest`;

/** Of those, what was not known and is not good. Asked after they are noted: each has its new id only where it was. */
const ADDED = `
  SELECT mcp_tools.id AS id, mcp_tools.name AS name, status FROM json_each(?1) AS seen
  CROSS JOIN mcp_tools ON mcp_tools.id = json_extract(seen.value, '$.id') WHERE status = 'pending'`;

function rowOf({ name, digest, definition, flags }: SeenTool) {
  const text = JSON.stringify(definition);
  return { name, digest, definition: text.length > LARGEST ? null : text, flags: JSON.stringify(flags) };
}

/** Lists that fit into one statement each. */
function pieces(written: readonly string[]): readonly (readonly string[])[] {
  const all: string[][] = [];
  let room = 0;
  for (const each of written) {
    if (each.length > room) {
      all.push([]);
      room = PIECE;
    }
    all.at(-1)?.push(each);
    room -= each.length;
  }
  return all;
}

const pinOf = ({ status, approved_digest, seen_digest }: Row): Pin => ({
  status,
  seen: seen_digest,
  ...(approved_digest === null ? {} : { approved: approved_digest }),
});

const columnsOf = ({ org = '', route, source }: PinPlace) => [org, route, source] as const;
const nameOf = (place: PinPlace) => JSON.stringify(columnsOf(place));

const unavailable = (cause: unknown) =>
  new GatewayError('overloaded', 'What was approved of the tools of this route cannot be read now. Try again in a moment.', { cause });
