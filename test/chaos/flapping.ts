import type { Answer } from '../upstream/answer.ts';
import { type BreakingVendor, type Scene, startBreakingVendor } from '../upstream/breaking-vendor.ts';
import { before, sentence, speech } from '../upstream/forms.ts';
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
  /** Of these, answers that another vendor had begun. */
  readonly finished: number;
  set(mood: Mood): void;
  /** Changes its mood by chance until it is told to stop; then it is well. `spells`: milliseconds of good and of bad times, at most. */
  flap(random: () => number, spells: { readonly good: number; readonly bad: number }): () => void;
  close(): Promise<void>;
}

export async function startFlapping(name: string, random: () => number): Promise<FlappingVendor> {
  const served: number[] = [];
  let finished = 0;
  let mood: Mood = 'well';
  let healedAt: number | undefined;
  const play = async (scene: Scene) => {
    const before = served.length;
    await perform(scene, name, mood, random, served);
    if (served.length > before && begunIn(scene.prompt) !== undefined) finished += 1;
  };
  const vendor = await startBreakingVendor(new Map([['any', play]]));
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
    get finished() {
      return finished;
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
const LATE = 5;
/** Milliseconds from the first piece of a stream to the rest of it. */
const PACE = 10;

/** An answer that another vendor began: whose words they are, and how many are there. */
function begunIn(prompt: string): { readonly voice: string; readonly words: number } | undefined {
  const [said, voice = ''] = /\b([a-z]+)0(?: \1\d+)*/.exec(prompt) ?? [];
  return said === undefined ? undefined : { voice, words: said.split(' ').length };
}

/** What is left of an answer: words that go on where the last one stopped, and in no other voice. */
function answerIn(prompt: string, name: string): { readonly answer: Answer; readonly wordAt: (at: number) => string } {
  const { voice, words } = begunIn(prompt) ?? { voice: name, words: 0 };
  const deltas = sentence(voice, WORDS).slice(words);
  const wordAt = (at: number) => `${voice}${Math.min(words + at, WORDS - 1)}`;
  return { answer: { ...speech(name, WORDS), pieces: [{ type: 'text', deltas }] }, wordAt };
}

async function perform(scene: Scene, name: string, mood: Mood, random: () => number, served: number[]): Promise<void> {
  const { form, stream, respond } = scene;
  const at = Date.now();
  const { answer, wordAt } = answerIn(scene.prompt, name);
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
        await scene.line.part(Buffer.concat(before(frames, wordAt(isLate ? 3 : 0))));
      }
      return scene.line.reset();
    }
    case 'well':
      if (!stream) respond(200, { 'content-type': 'application/json' }, form.whole(answer));
      else {
        const opening = Buffer.concat(before(frames, wordAt(2)));
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
