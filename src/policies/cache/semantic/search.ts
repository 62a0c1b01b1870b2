import type { HitChecks } from '../../../core/cache/checks.ts';
import { type Standing, standingOf } from '../../../core/cache/checks.ts';
import type { AnswerCache } from '../../../core/cache/port.ts';
import type { StoredAnswer } from '../../../core/cache/stored-answer.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { VectorIndex, VectorPlace } from '../../../core/meaning/vectors.ts';
import { judge } from '../../../core/sameness/index.ts';
import { type KeptQuestion, readQuestion } from './kept-question.ts';
import type { SemanticSettings } from './settings.ts';

/** Entries that are looked at for one question: the nearest. */
const LOOKED_AT = 8;
/** Milliseconds after which every place has heard of an answer that was kept: what it does not have then is gone. */
const SPREAD = 120_000;

export interface Search {
  readonly text: string;
  readonly vector: Int8Array;
  readonly place: VectorPlace;
  readonly settings: SemanticSettings;
  readonly exchange: Exchange;
  readonly answers: AnswerCache;
  readonly vectors: VectorIndex;
  readonly checks: HitChecks;
  /** Whether an answer may be given to this caller. */
  fits(answer: StoredAnswer): boolean;
}

/** An answer to a question that means the same. */
export interface Candidate {
  readonly answer: StoredAnswer;
  /** By which the answer is kept, and its question too. */
  readonly key: string;
  /** The request that it was made for. */
  readonly of: string;
  readonly similarity: number;
  readonly certainty: number;
  /** Keys of other questions that mean the same: the next in line. */
  readonly also: readonly string[];
}

/** What a search comes to. */
export interface Found {
  readonly candidate?: Candidate;
  /** Why there is none: nothing is near, nothing near means the same, or the answer to it is gone. */
  readonly why?: 'none' | 'judged' | 'gone';
  /** Of the nearest, where there is one. */
  readonly similarity?: number;
  readonly certainty?: number;
  readonly objections?: readonly string[];
  readonly standing: Standing | undefined;
  readonly checked: number;
  readonly askedToday: number;
}

interface Judged {
  readonly key: string;
  readonly similarity: number;
  readonly certainty: number;
  readonly kept: KeptQuestion;
  /** Names of what speaks against it. */
  readonly objections: readonly string[];
}

/** Throws what the index throws. */
export async function search(asked: Search, signal: AbortSignal): Promise<Found> {
  const { settings, vectors, checks, exchange, place, vector } = asked;
  const [near, counted] = await Promise.all([
    vectors.nearest(place, vector, LOOKED_AT, settings.threshold, signal),
    checks.of(exchange.who.org, exchange.route.name),
  ]);
  const about = {
    standing: counted && standingOf(counted, settings),
    checked: counted?.checked ?? 0,
    askedToday: counted?.askedToday ?? 0,
  };
  const judged = near.flatMap(({ id, similarity, data }): Judged[] => {
    const kept = readQuestion(data);
    if (kept === undefined) return [];
    const { probability: certainty, objections } = judge(asked.text, kept.text, similarity, settings.domain);
    return [{ key: id, similarity, kept, certainty, objections }];
  });
  // What nobody objects to first, and the most certain of that.
  const ranked = judged.toSorted((one, other) => one.objections.length - other.objections.length || other.certainty - one.certainty);
  const [best] = ranked;
  if (best === undefined) return { why: 'none', ...about };
  const seen = { similarity: best.similarity, certainty: best.certainty, objections: best.objections, ...about };
  const same = ranked.filter(({ certainty, objections }) => objections.length === 0 && certainty >= settings.certainty);
  if (same.length === 0) return { why: 'judged', ...seen };
  const candidate = await firstOf(same, asked);
  return candidate === undefined ? { why: 'gone', ...seen } : { candidate, ...seen };
}

/** The most certain one whose answer is there. Questions whose answer is gone go too. */
async function firstOf(same: readonly Judged[], { answers, exchange, fits, vectors, place }: Search): Promise<Candidate | undefined> {
  const { who, ports } = exchange;
  for (const { key, similarity, certainty, kept } of same) {
    const answer = await answers.get(key, who);
    if (answer === undefined) {
      if (ports.clock.now() - kept.at > SPREAD) ports.after(vectors.delete(place.owner, [key]).catch(() => undefined));
    } else if (fits(answer)) {
      const also = same.flatMap((each) => (each.key === key ? [] : [each.key]));
      return { answer, key, of: kept.request, similarity, certainty, also };
    }
  }
  return undefined;
}
