import { type BreakingVendor, type Scene, startBreakingVendor } from '../upstream/breaking-vendor.ts';
import { before, speech } from '../upstream/forms.ts';
import { sleep } from '../upstream/line.ts';
import { pick } from './random.ts';

/** Words of every answer. */
export const WORDS = 10;

/** What a vendor does for a while. `torn`: it resets streams, most of them before a word was said. */
export const moods = ['well', 'down', 'hanging', 'failing', 'limiting', 'torn'] as const;
export type Mood = (typeof moods)[number];
const BAD = moods.filter((mood) => mood !== 'well');

export interface FlappingVendor {
  /** Whose words its answers are. */
  readonly name: string;
  readonly vendor: BreakingVendor;
  readonly mood: Mood;
  /** Milliseconds since the epoch from which it has been well for good; `undefined` while it flaps. */
  readonly healedAt: number | undefined;
  /** Answers that it gave in full, with the times at which they were asked for. */
  readonly served: readonly number[];
  set(mood: Mood): void;
  /** Changes its mood by chance until it is told to stop; then it is well. `spells`: milliseconds of good and of bad times, at most. */
  flap(random: () => number, spells: { readonly good: number; readonly bad: number }): () => void;
  close(): Promise<void>;
}

export async function startFlapping(name: string, random: () => number): Promise<FlappingVendor> {
  const served: number[] = [];
  let mood: Mood = 'well';
  let healedAt: number | undefined;
  const vendor = await startBreakingVendor(new Map([['any', (scene: Scene) => perform(scene, name, mood, random, served)]]));
  const set = (next: Mood) => {
    if ((mood === 'down') !== (next === 'down')) vendor.down(next === 'down');
    mood = next;
  };
  return {
    name,
    vendor,
    served,
    get mood() {
      return mood;
    },
    get healedAt() {
      return healedAt;
    },
    set,
    flap(chance, { good, bad }) {
      let timer: ReturnType<typeof setTimeout>;
      const turn = () => {
        set(mood === 'well' ? pick(chance, BAD) : 'well');
        timer = setTimeout(turn, (0.3 + 0.7 * chance()) * (mood === 'well' ? good : bad));
      };
      timer = setTimeout(turn, chance() * good);
      return () => {
        clearTimeout(timer);
        set('well');
        healedAt = Date.now();
      };
    },
    close: () => vendor.close(),
  };
}

/** One of so many resets comes after a word was said. */
const LATE = 40;
/** Milliseconds from the first piece of a stream to the rest of it. */
const PACE = 10;

async function perform(scene: Scene, name: string, mood: Mood, random: () => number, served: number[]): Promise<void> {
  const { form, stream, respond } = scene;
  const at = Date.now();
  const answer = speech(name, WORDS);
  const frames = form.frames(answer);
  switch (mood) {
    case 'hanging':
      return scene.line.closed();
    case 'failing': {
      const status = pick(random, [500, 502, 503, 529]);
      const error = form.error(status, 'scripted failure');
      return respond(status, error.headers, error.body);
    }
    case 'limiting': {
      const error = form.error(429, 'scripted limit');
      return respond(429, { ...error.headers, 'retry-after': '1' }, error.body);
    }
    case 'torn':
    case 'down': {
      if (stream) {
        const isLate = Math.floor(random() * LATE) === 0;
        await scene.line.head(200, { 'content-type': form.streamType });
        await scene.line.part(Buffer.concat(before(frames, isLate ? `${name}3` : `${name}0`)));
      }
      return scene.line.reset();
    }
    case 'well':
      if (!stream) respond(200, { 'content-type': 'application/json' }, form.whole(answer));
      else {
        const opening = Buffer.concat(before(frames, `${name}2`));
        const rest = Buffer.concat(frames).subarray(opening.length);
        await scene.line.head(200, { 'content-type': form.streamType });
        await scene.line.part(opening);
        await sleep(PACE);
        await scene.line.part(rest);
        await scene.line.finish();
      }
      served.push(at);
  }
}
