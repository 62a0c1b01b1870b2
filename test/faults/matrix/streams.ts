import { gzipSync } from 'node:zlib';
import { before } from '../../upstream/forms.ts';
import { all, type Fault, framesOf, half, late, opening, SAID, typeOf, WORDS, wordAt } from './fault.ts';

/** What happens after the first content, to streams. */
export const streams: readonly Fault[] = [
  ...[1, SAID, WORDS - 1].map(
    (said): Fault => ({
      name: `reset-after-${said}-words`,
      on: 'stream',
      // What lies in the buffers of a connection that is reset may be lost.
      right: late('upstream_interrupted', false),
      script: async (scene) => {
        await scene.line.head(200, typeOf(scene));
        await scene.line.part(half(scene, said));
        await scene.line.reset();
      },
    }),
  ),
  {
    name: 'closed-without-a-terminator',
    on: 'stream',
    right: late(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.finish();
    },
  },
  {
    name: 'all-words-and-no-terminator',
    on: 'stream',
    only: ({ hasTerminator }) => hasTerminator,
    right: late(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(Buffer.concat(withoutEnd(framesOf(scene, 'absent'))));
      await scene.line.finish();
    },
  },
  {
    name: 'half-closed-in-the-middle',
    on: 'stream',
    right: late(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      scene.line.fin();
    },
  },
  {
    name: 'cut-within-an-event',
    ...{ on: 'stream', tears: true },
    right: late(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.part(nextFrame(scene).subarray(0, 30));
      await scene.line.finish();
    },
  },
  {
    name: 'reset-within-an-event',
    ...{ on: 'stream', tears: true },
    right: late('upstream_interrupted', false),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.part(nextFrame(scene).subarray(0, 30));
      await scene.line.reset();
    },
  },
  {
    name: 'stall-in-the-middle',
    ...{ on: 'stream', waits: true, closes: true },
    right: late('upstream_timeout'),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.closed();
    },
  },
  {
    name: 'stall-within-an-event',
    ...{ on: 'stream', tears: true, waits: true, closes: true },
    right: late('upstream_timeout'),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.part(nextFrame(scene).subarray(0, 30));
      await scene.line.closed();
    },
  },
  {
    name: 'trickle-without-end',
    ...{ on: 'stream', tears: true, waits: true, closes: true },
    right: late('upstream_timeout', false),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.trickle(nextFrame(scene), 150);
      await scene.line.closed();
    },
  },
  {
    name: 'an-error-in-the-middle',
    on: 'stream',
    right: late('upstream_\\w+|server_error|serviceUnavailableException|api_error|UNAVAILABLE'),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.part(scene.form.errorFrame('scripted overload'));
      await scene.line.finish();
    },
  },
  {
    name: 'announced-longer-than-it-is',
    on: 'stream',
    right: late(),
    script: async (scene) => {
      const body = half(scene);
      await scene.line.head(200, typeOf(scene), body.length + 50);
      await scene.line.part(body);
      scene.line.fin();
    },
  },
  {
    name: 'announced-shorter-than-it-is',
    on: 'stream',
    right: late(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene), half(scene).length, 'keep-alive');
      await scene.line.part(all(scene));
      await scene.line.closed(1_000);
    },
  },
  {
    name: 'a-chunk-without-a-length',
    on: 'stream',
    right: late('upstream_interrupted', false),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await new Promise((resolve) => setTimeout(resolve, 25));
      await scene.line.bytes('zz\r\nnot a chunk\r\n');
      scene.line.fin();
    },
  },
  {
    name: 'gzip-that-is-cut',
    on: 'stream',
    right: late('upstream_interrupted', false),
    script: async (scene) => {
      // Not worth compressing, so that most of it can be read when its end is missing.
      const body = gzipSync(all(scene), { level: 0 });
      await scene.line.head(200, { ...typeOf(scene), 'content-encoding': 'gzip' });
      await scene.line.part(body.subarray(0, half(scene).length + 15));
      await scene.line.finish();
    },
  },
  {
    name: 'an-event-of-two-megabytes-in-the-middle',
    ...{ on: 'stream', tears: true },
    only: ({ dialect }) => dialect === 'openai-chat' || dialect === 'anthropic',
    closes: true,
    right: late('event_too_large'),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(half(scene));
      await scene.line.part(`data: ${'a'.repeat(2 * 1024 * 1024)}`);
      await scene.line.closed();
    },
  },
  {
    name: 'open-behind-the-terminator',
    on: 'stream',
    only: ({ hasTerminator }) => hasTerminator,
    closes: true,
    right: { is: 'good' },
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(all(scene));
      await scene.line.closed();
    },
  },
  {
    name: 'reset-behind-the-terminator',
    on: 'stream',
    only: ({ hasTerminator }) => hasTerminator,
    right: { is: 'good' },
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(all(scene));
      await scene.line.reset();
    },
  },
  {
    name: 'in-two-halves',
    on: 'stream',
    right: { is: 'good' },
    script: async (scene) => {
      const body = all(scene);
      await scene.line.head(200, typeOf(scene), body.length);
      await scene.line.part(opening(scene));
      await new Promise((resolve) => setTimeout(resolve, 30));
      await scene.line.part(body.subarray(opening(scene).length));
      await scene.line.finish();
    },
  },
];

const withoutEnd = (frames: readonly Buffer[]) => frames.slice(0, -1);

function nextFrame(scene: Parameters<Fault['script']>[0]): Buffer {
  const frames = framesOf(scene);
  return frames[before(frames, wordAt(SAID)).length] ?? Buffer.alloc(0);
}
