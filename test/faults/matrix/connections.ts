import { gzipSync } from 'node:zlib';
import { bodyOf, broken, type Fault, isText, opening, tooSlow, typeOf, whole } from './fault.ts';

/** What happens before any content: to the connection, to the head, to the beginning of the body. */
export const connections: readonly Fault[] = [
  { name: 'refused', on: 'both', at: 'closed', right: broken(), script: () => undefined },
  { name: 'reset-at-once', on: 'both', at: 'slamming', right: broken(), script: () => undefined },
  { name: 'reset-without-an-answer', on: 'both', right: broken(), script: ({ line }) => line.reset() },
  { name: 'closed-without-an-answer', on: 'both', right: broken(), script: ({ line }) => line.fin() },
  {
    name: 'half-a-status-line',
    on: 'both',
    right: broken(),
    script: async ({ line }) => {
      await line.bytes('HTTP/1.1 20');
      line.fin();
    },
  },
  {
    name: 'another-protocol',
    on: 'both',
    right: broken(),
    script: async ({ line }) => {
      await line.bytes('SSH-2.0-OpenSSH_9.6\r\n');
      line.fin();
    },
  },
  { name: 'hang-before-the-head', on: 'both', waits: true, closes: true, right: tooSlow, script: ({ line }) => line.closed() },
  {
    name: 'hang-within-the-head',
    ...{ on: 'both', waits: true, closes: true },
    right: tooSlow,
    script: async ({ line }) => {
      await line.bytes('HTTP/1.1 200 OK\r\ncontent-ty');
      await line.closed();
    },
  },
  {
    name: 'trickle-of-a-head',
    ...{ on: 'both', waits: true, closes: true },
    right: tooSlow,
    script: ({ line }) => line.trickle(`HTTP/1.1 200 OK\r\nx-padding: ${'a'.repeat(4_000)}\r\n\r\n`, 40, (byte) => line.bytes(byte)),
  },
  {
    name: 'reset-after-the-head',
    on: 'both',
    right: broken(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.reset();
    },
  },
  {
    // It may have been served and billed: the same vendor is not asked again, however many tries there are.
    name: 'reset-after-the-head-is-not-repeated',
    ...{ on: 'both', attempts: 3 },
    right: broken(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.reset();
    },
  },
  {
    name: 'half-closed-after-the-head',
    on: 'both',
    right: broken(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      scene.line.fin();
    },
  },
  {
    name: 'silence-after-the-head',
    ...{ on: 'both', waits: true, closes: true },
    right: tooSlow,
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.closed();
    },
  },
  {
    name: 'trickle-of-a-body',
    ...{ on: 'both', waits: true, closes: true },
    right: tooSlow,
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.trickle(bodyOf(scene), 100);
    },
  },
  {
    name: 'comments-and-no-content',
    ...{ on: 'stream', waits: true, closes: true, only: isText },
    right: tooSlow,
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      while (!scene.line.gone) {
        await scene.line.part(': still at it\n\n');
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
  },
  {
    name: 'begun-without-a-word-then-closed',
    on: 'stream',
    right: broken(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(opening(scene));
      await scene.line.finish();
    },
  },
  {
    name: 'begun-without-a-word-then-reset',
    on: 'stream',
    right: broken(),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(opening(scene));
      await scene.line.reset();
    },
  },
  {
    name: 'begun-without-a-word-then-silent',
    ...{ on: 'stream', waits: true, closes: true },
    right: tooSlow,
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(opening(scene));
      await scene.line.closed();
    },
  },
  {
    name: 'an-event-of-two-megabytes-first',
    on: 'stream',
    only: ({ dialect }) => dialect === 'openai-chat' || dialect === 'anthropic',
    closes: true,
    right: broken('|event_too_large'),
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(`data: ${'a'.repeat(2 * 1024 * 1024)}`);
      await scene.line.closed();
    },
  },
  ...bodies(),
];

/** Whole answers that break after their head: nobody has seen a word of them either. */
function bodies(): readonly Fault[] {
  return [
    {
      name: 'reset-in-the-body',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        const body = whole(scene);
        await scene.line.head(200, typeOf(scene), body.length);
        await scene.line.part(body.subarray(0, body.length / 2));
        await scene.line.reset();
      },
    },
    {
      name: 'stall-in-the-body',
      ...{ on: 'whole', waits: true, closes: true },
      right: tooSlow,
      script: async (scene) => {
        const body = whole(scene);
        await scene.line.head(200, typeOf(scene), body.length);
        await scene.line.part(body.subarray(0, body.length / 2));
        await scene.line.closed();
      },
    },
    {
      name: 'announced-longer-than-it-is',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        const body = whole(scene);
        await scene.line.head(200, typeOf(scene), body.length + 50);
        await scene.line.part(body);
        scene.line.fin();
      },
    },
    {
      name: 'announced-shorter-than-it-is',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        const body = whole(scene);
        await scene.line.head(200, typeOf(scene), body.length - 20, 'keep-alive');
        await scene.line.part(body);
        await scene.line.closed(1_000);
      },
    },
    {
      name: 'chunks-without-their-end',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        await scene.line.head(200, typeOf(scene));
        await scene.line.part(whole(scene));
        scene.line.fin();
      },
    },
    {
      name: 'a-chunk-without-a-length',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        await scene.line.head(200, typeOf(scene));
        await scene.line.bytes(`zz\r\n${whole(scene).toString()}\r\n0\r\n\r\n`);
        scene.line.fin();
      },
    },
    {
      name: 'cut-and-closed',
      on: 'whole',
      right: broken(),
      script: async (scene) => {
        const body = whole(scene);
        await scene.line.head(200, typeOf(scene), 'until-closed');
        await scene.line.part(body.subarray(0, body.length - 20));
        scene.line.fin();
      },
    },
    {
      name: 'gzip-that-is-cut',
      on: 'whole',
      right: broken(),
      script: (scene) => {
        const body = gzipSync(whole(scene));
        scene.respond(200, { ...typeOf(scene), 'content-encoding': 'gzip' }, body.subarray(0, body.length - 12));
      },
    },
  ];
}
