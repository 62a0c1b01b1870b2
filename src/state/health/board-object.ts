import { DurableObject } from 'cloudflare:workers';
import { Board, type BoardPlace, type ProbeAnswer } from '../../core/health/board.ts';
import type { Standing } from '../../core/health/breaker.ts';
import type { News, Told } from '../../core/health/news.ts';
import type { PlaceFilter } from '../../core/health/places.ts';
import type { Place } from '../../core/health.ts';
import { systemClock } from '../ports.ts';

/** What an isolate tells, and what it knows already. */
export interface HealthMessage {
  readonly isolate: string;
  readonly told: readonly Told[];
  readonly board: string | undefined;
  readonly version: number;
}

/**
 * Where the isolates of a deployment tell each other how providers do. In memory alone: it is a hint that ages within
 * seconds, and writing it down would cost more than finding it out again. When the object is begun anew it is called by
 * another name, and who talks to it then tells again what is open.
 */
export class HealthBoard extends DurableObject<object> {
  readonly #board = new Board({ id: crypto.randomUUID(), random: Math.random });

  exchange({ isolate, told, board, version }: HealthMessage): News {
    const now = systemClock.now();
    this.#board.hear(isolate, told, now);
    return this.#board.news(board, version, now);
  }

  probe(isolate: string, place: Place, standing: Standing): ProbeAnswer {
    return this.#board.probe(isolate, place, standing, systemClock.now());
  }

  reset(filter: PlaceFilter): void {
    this.#board.reset(filter, systemClock.now());
  }

  list(): readonly BoardPlace[] {
    return this.#board.list(systemClock.now());
  }
}
