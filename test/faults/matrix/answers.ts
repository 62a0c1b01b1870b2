import { gzipSync } from 'node:zlib';
import type { UsageScript } from '../../upstream/answer.ts';
import { all, bodyOf, broken, type Fault, type Right, refuse, typeOf, whole } from './fault.ts';

const HTML = '<html><body>captive portal canary-html</body></html>';
/** An error without a status of its own is whatever its words say. */
const saysSo: Right = { is: 'early', status: [502, 503], code: /^(?:upstream_error|upstream_overloaded|upstream_invalid|server_error)$/ };

/** Complete answers that are none: of another kind, or refusals. */
export const answers: readonly Fault[] = [
  { name: 'html', on: 'both', right: broken(), script: ({ respond }) => respond(200, { 'content-type': 'text/html' }, HTML) },
  { name: 'html-by-another-name', on: 'both', right: broken(), script: (scene) => scene.respond(200, typeOf(scene), `${HTML}\n\n`) },
  { name: 'empty', on: 'both', right: broken(), script: (scene) => scene.respond(200, typeOf(scene), '') },
  { name: 'no-content', on: 'both', right: broken(), script: ({ respond }) => respond(204, {}, '') },
  {
    name: 'another-json',
    on: 'both',
    right: broken(),
    script: ({ respond }) => respond(200, { 'content-type': 'application/json' }, '{"ok":true}'),
  },
  {
    name: 'half-of-json',
    on: 'whole',
    right: broken(),
    script: (scene) => scene.respond(200, typeOf(scene), whole(scene).subarray(0, 60)),
  },
  {
    name: 'json-to-a-stream',
    on: 'stream',
    right: broken(),
    script: (scene) => scene.respond(200, { 'content-type': 'application/json' }, whole(scene)),
  },
  {
    name: 'a-stream-to-a-whole-call',
    on: 'whole',
    right: broken(),
    script: (scene) => scene.respond(200, { 'content-type': scene.form.streamType }, all(scene)),
  },
  {
    name: 'plain-that-says-gzip',
    on: 'both',
    right: broken(),
    script: (scene) => scene.respond(200, { ...typeOf(scene), 'content-encoding': 'gzip' }, bodyOf(scene)),
  },
  {
    name: 'gzip-that-says-nothing',
    on: 'both',
    right: broken(),
    script: (scene) => scene.respond(200, typeOf(scene), gzipSync(bodyOf(scene))),
  },
  {
    name: 'an-error-as-the-first-event',
    on: 'stream',
    right: saysSo,
    script: (scene) => scene.respond(200, typeOf(scene), scene.form.errorFrame('scripted overload')),
  },
  {
    name: 'an-error-with-status-200',
    on: 'whole',
    right: saysSo,
    script: (scene) => scene.respond(200, typeOf(scene), scene.form.error(500, 'scripted failure').body),
  },
  { name: 'redirect', on: 'both', right: broken(), script: ({ respond }) => respond(302, { location: 'http://127.0.0.1:1/' }, 'moved') },
  ...failing(500, [502], 'upstream_error'),
  ...failing(502, [502], 'upstream_error'),
  ...failing(503, [503], 'upstream_overloaded'),
  ...failing(504, [502, 504], 'upstream_error|upstream_timeout'),
  ...failing(529, [502, 503], 'upstream_error|upstream_overloaded'),
  ...failing(408, [502, 504], 'upstream_error|upstream_timeout'),
  // The gateway's own credential or account: nothing that a caller could mend.
  ...failing(401, [502], 'upstream_credential'),
  ...failing(402, [429, 502], 'upstream_credential|upstream_rate_limited'),
  ...failing(403, [502], 'upstream_credential'),
  {
    name: '502-of-a-proxy',
    on: 'both',
    right: { is: 'early', status: [502], code: /^upstream_error$/ },
    script: ({ respond }) => respond(502, { 'content-type': 'text/html' }, `${HTML}nginx`),
  },
  {
    name: '500-whose-body-hangs',
    ...{ on: 'both', waits: true, closes: true },
    right: { is: 'early', status: [502, 504], code: /^upstream_(?:timeout|error)$/ },
    script: async ({ line }) => {
      await line.head(500, { 'content-type': 'application/json' });
      await line.closed();
    },
  },
  ...[400, 413, 422].map(
    (status): Fault => ({
      name: `${status}-of-the-caller`,
      on: 'both',
      right: { is: 'own', status },
      script: (scene) => refuse(scene, status),
    }),
  ),
  ...limited(),
  ...again(),
  ...counted(),
];

function failing(status: number, told: readonly number[], code: string): readonly Fault[] {
  return [
    {
      name: `${status}`,
      on: 'both',
      right: { is: 'early', status: told, code: new RegExp(`^(?:${code})$`) },
      script: (scene) => refuse(scene, status),
    },
  ];
}

/** A vendor that is asked too much, and the ways to say when to come again. What the caller is told is always a sane number. */
function limited(): readonly Fault[] {
  const ways: readonly (readonly [name: string, headers: () => { readonly [name: string]: string }, least: number, most: number])[] = [
    ['in-seconds', () => ({ 'retry-after': '7' }), 7, 7],
    ['as-a-date', () => ({ 'retry-after': new Date(Date.now() + 9_000).toUTCString(), date: new Date().toUTCString() }), 8, 10],
    ['in-milliseconds', () => ({ 'retry-after-ms': '2500', 'retry-after': '900' }), 2, 3],
    ['of-31-years', () => ({ 'retry-after': '1e9' }), 0, 60],
    ['of-less-than-nothing', () => ({ 'retry-after': '-5' }), 0, 60],
    ['that-is-no-number', () => ({ 'retry-after': 'NaN' }), 0, 60],
    ['that-is-absent', () => ({}), 0, 60],
  ];
  return ways.map(
    ([name, headers, least, most]): Fault => ({
      name: `429-retry-after-${name}`,
      on: 'both',
      right: { is: 'early', status: [429], code: /^upstream_rate_limited$/, retryAfter: [least, most] },
      script: (scene) => refuse(scene, 429, headers()),
    }),
  );
}

/** The same vendor answers when it is asked once more. */
function again(): readonly Fault[] {
  const once = (name: string, attempts: number, failure: Fault['script']): Fault => ({
    name: `${name}-and-then-well`,
    ...{ on: 'both', attempts, asked: attempts },
    right: { is: 'good', attempts },
    script: (scene) => (scene.earlier < attempts - 1 ? failure(scene) : scene.respond(200, typeOf(scene), bodyOf(scene))),
  });
  return [
    ...[500, 502, 503, 504, 529].map((status) => once(`${status}`, 2, (scene) => refuse(scene, status))),
    once('500-529', 3, (scene) => refuse(scene, scene.earlier === 0 ? 500 : 529)),
    once('429-of-50-ms', 2, (scene) => refuse(scene, 429, { 'retry-after-ms': '50' })),
  ];
}

/** Usage that is not told, or wrongly, is no reason to fail: it is counted here. */
function counted(): readonly Fault[] {
  const told = (name: string, kind: UsageScript['kind'], right: Right, only: Fault['only'], on: Fault['on'] = 'both'): Fault => ({
    ...{ name, on, right },
    ...(only === undefined ? {} : { only }),
    script: (scene) => scene.respond(200, typeOf(scene), scene.stream ? all(scene, kind) : whole(scene, kind)),
  });
  return [
    told('usage-told', 'last', { is: 'good' }, undefined),
    told('usage-missing', 'absent', { is: 'good', estimated: true }, undefined),
    told('usage-negative', 'absurd', { is: 'good', estimated: true }, undefined),
    told('usage-twice', 'twice', { is: 'good' }, ({ dialect }) => /chat|anthropic|gemini/.test(dialect), 'stream'),
  ];
}

/** What is odd and right all the same. */
export const oddities: readonly Fault[] = [
  {
    name: 'gzip',
    on: 'both',
    right: { is: 'good' },
    script: (scene) => scene.respond(200, { ...typeOf(scene), 'content-encoding': 'gzip' }, gzipSync(bodyOf(scene))),
  },
  {
    name: 'a-length-that-only-the-end-tells',
    on: 'both',
    right: { is: 'good' },
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene), 'until-closed');
      await scene.line.part(bodyOf(scene));
      scene.line.fin();
    },
  },
  {
    name: 'closed-behind-the-answer',
    on: 'both',
    right: { is: 'good' },
    script: async (scene) => {
      await scene.line.head(200, typeOf(scene));
      await scene.line.part(bodyOf(scene));
      await scene.line.finish();
    },
  },
  {
    name: 'a-byte-at-a-time',
    on: 'both',
    right: { is: 'good' },
    script: async (scene) => {
      const body = bodyOf(scene);
      await scene.line.head(200, typeOf(scene), body.length);
      for (const byte of body) await scene.line.part(Uint8Array.of(byte));
      await scene.line.finish();
    },
  },
];
