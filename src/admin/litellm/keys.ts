import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AdminDeps } from '../deps.ts';
import type { KeyResource, TeamResource } from '../resources/shapes.ts';
import { type KeyBody, keyBody, limitsIn, manyKeys, oneKey, readBody, refuse, rulesOf } from './bodies.ts';
import { secondsOf } from './durations.ts';
import { keyFields } from './fields.ts';
import type { InnerAdmin } from './inner.ts';
import { type FieldProblem, fieldsOf, type LitellmLimits, limitFields } from './limits.ts';
import { appFor, findTeam, USER_ID } from './places.ts';
import { shownKey, UNNAMED } from './shown.ts';

/** What a call is answered with. */
export interface Desk {
  readonly inner: InnerAdmin;
  readonly deps: AdminDeps;
}

/** Short ones are guessed; LiteLLM's own have 22 letters behind the prefix. */
const OWN_KEY = /^sk-[\x21-\x7e]{16,250}$/;

export async function generate(request: Request, desk: Desk): Promise<JsonObject> {
  const { body, raw } = await readBody(request, keyBody);
  const { rules, warnings } = rulesOf(body, { raw, kept: keyFields, extra: [...generated(body), ...kindProblems(body)] });
  const { inner } = desk;
  const team = body.team_id ? await findTeam(inner, body.team_id) : undefined;
  if (body.team_id && team === undefined) refuse([{ field: 'team_id', message: `there is no team "${body.team_id}"` }]);
  const app = await appFor(inner, { team, org: body.organization_id || undefined, user: body.user_id || undefined });
  const name = body.key_alias || UNNAMED;
  if (body.key_alias && (await named(inner, name, app.org)).length > 0) {
    refuse([{ field: 'key_alias', message: `there is a key of this alias: "${name}"` }]);
  }
  const made = await inner.createKey({
    app: app.id,
    name,
    ...rules,
    metadata: withUser(rules.metadata, body.user_id),
    ...(body.duration ? { expiresAt: expiry(body.duration, desk) } : {}),
    ...(body.key ? { importedHash: await sha256(body.key) } : {}),
  });
  const { key, ...resource } = made;
  const shown = await shownWithTeam(resource, desk);
  return { key: body.key || key, ...shown, token_id: resource.id, ...warned(warnings) };
}

function generated({ key }: KeyBody): readonly FieldProblem[] {
  if (!key || OWN_KEY.test(key)) return [];
  return [{ field: 'key', message: 'must begin with sk- and have 16 more visible characters at least: leave it out, and one is made' }];
}

/** `default` and `llm_api` reach what keys reach here; the others administer, which no key does. */
function kindProblems({ key_type, duration }: KeyBody): readonly FieldProblem[] {
  const kind = !key_type || key_type === 'default' || key_type === 'llm_api';
  return [
    ...(kind ? [] : [{ field: 'key_type', message: 'keys reach model paths only: default or llm_api' }]),
    ...(!duration || duration === FOREVER || secondsOf(duration) !== undefined
      ? []
      : [{ field: 'duration', message: 'is not a span of time such as 30s, 30m, 30h, 30d' }]),
  ];
}

/** What takes an end away from a key. */
const FOREVER = '-1';

function expiry(duration: string, { deps }: Desk): number | null {
  const seconds = secondsOf(duration);
  return seconds === undefined ? null : deps.clock.now() + seconds * 1_000;
}

const withUser = (metadata: JsonObject, user: string | null | undefined): JsonObject =>
  user ? { ...metadata, [USER_ID]: user } : metadata;

const warned = (warnings: readonly string[]): JsonObject => (warnings.length === 0 ? {} : { warnings });

async function named(inner: InnerAdmin, name: string, org?: string): Promise<readonly KeyResource[]> {
  const found: KeyResource[] = [];
  for await (const key of inner.all('keys', { name, ...(org === undefined ? {} : { org }) })) if (key.name === name) found.push(key);
  return found;
}

async function teamOf({ team }: KeyResource, { inner }: Desk): Promise<TeamResource> {
  const found = await inner.read('teams', team);
  if (found === undefined) throw new GatewayError('conflict', 'The team of this key was deleted at the same moment.');
  return found;
}

const shownWithTeam = async (key: KeyResource, desk: Desk): Promise<JsonObject> => shownKey(key, await teamOf(key, desk), desk.deps);

/** A key by itself, by our id of it, by the hash or the text of another gateway's that stands for it. Throws `not_found`. */
async function findKey(given: string, { inner }: Desk): Promise<KeyResource> {
  const id = /^weir_[a-z]+_([0-9A-Za-z]{16})_/.exec(given)?.[1];
  const own = given.startsWith('key_') ? given : id === undefined ? undefined : `key_${id}`;
  if (own !== undefined) {
    const found = await inner.read('keys', own);
    if (found !== undefined) return found;
  } else {
    const importedHash = /^[0-9a-f]{64}$/i.test(given) ? given : await sha256(given);
    for await (const found of inner.all('keys', { importedHash })) return found;
  }
  throw new GatewayError('not_found', 'There is no such key.', { param: 'key' });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function info(request: Request, desk: Desk): Promise<JsonObject> {
  const key = new URL(request.url).searchParams.get('key');
  if (key === null || key === '') throw new GatewayError('invalid_request', 'key: say which key, as ?key=.', { param: 'key' });
  return { key, info: await shownWithTeam(await findKey(key, desk), desk) };
}

export async function update(request: Request, desk: Desk): Promise<JsonObject> {
  const { body, raw } = await readBody(request, keyBody);
  const key = await theOne(body, desk);
  const team = await teamOf(key, desk);
  const extra = [...kindProblems(body), ...(await moved(body, key, team, desk))];
  const { rules, warnings } = rulesOf(body, { raw, kept: keyFields, extra, limits: limitsAfter(body, raw, key) });
  const given = (field: string) => Object.hasOwn(raw, field);
  const changes = {
    // With the key, an alias is a new name; without it, it says which one is meant.
    ...(body.key && body.key_alias ? { name: body.key_alias } : {}),
    ...(limitFields.some(given) ? { limits: [...rules.limits, ...fieldsOf(key.limits).rest] } : {}),
    ...(given('models') ? { models: rules.models } : {}),
    ...(given('metadata') || body.user_id ? { metadata: metadataAfter(body, rules.metadata, key) } : {}),
    ...(body.blocked == null ? {} : { disabled: rules.disabled }),
    ...(given('duration') ? { expiresAt: body.duration ? expiry(body.duration, desk) : null } : {}),
  };
  const changed = await desk.inner.change('keys', key.id, changes);
  return { key: body.key || key.id, ...(await shownKey(changed, team, desk.deps)), ...warned(warnings) };
}

/** What the limits are where some are given and the others stay. */
function limitsAfter(body: KeyBody, raw: JsonObject, key: KeyResource): LitellmLimits {
  const { fields } = fieldsOf(key.limits);
  // A budget that is taken away takes its duration along.
  const ended = Object.hasOwn(raw, 'max_budget') && body.max_budget === null;
  const gone = (field: string) => Object.hasOwn(raw, field) || (ended && field === 'budget_duration');
  return { ...Object.fromEntries(Object.entries(fields).filter(([field]) => !gone(field))), ...limitsIn(body) };
}

function metadataAfter(body: KeyBody, metadata: JsonObject, key: KeyResource): JsonObject {
  const user = body.user_id ?? key.metadata[USER_ID];
  return withUser(body.metadata === undefined ? key.metadata : metadata, typeof user === 'string' ? user : undefined);
}

async function moved(body: KeyBody, key: KeyResource, team: TeamResource, { inner }: Desk): Promise<readonly FieldProblem[]> {
  const problems: FieldProblem[] = [];
  if (body.team_id && (await findTeam(inner, body.team_id))?.id !== team.id) {
    problems.push({ field: 'team_id', message: 'a key stays in its team: make another one there' });
  }
  if (body.organization_id && body.organization_id !== key.org) {
    problems.push({ field: 'organization_id', message: 'a key stays in its organisation: make another one there' });
  }
  return problems;
}

async function theOne({ key, key_alias }: KeyBody, desk: Desk): Promise<KeyResource> {
  if (key) return findKey(key, desk);
  if (!key_alias) throw new GatewayError('invalid_request', 'key: say which key, by itself or by key_alias.', { param: 'key' });
  return byAlias(key_alias, desk);
}

async function byAlias(alias: string, { inner }: Desk): Promise<KeyResource> {
  const [found, another] = await named(inner, alias);
  if (found === undefined) throw new GatewayError('not_found', `There is no key of the alias "${alias}".`, { param: 'key_alias' });
  if (another !== undefined) refuse([{ field: 'key_alias', message: `several keys have the alias "${alias}": name one by its key` }]);
  return found;
}

/** Finds all of them before it deletes the first. */
export async function remove(request: Request, desk: Desk): Promise<JsonObject> {
  const { body, raw } = await readBody(request, manyKeys);
  const keys = body.keys ?? [];
  const aliases = body.key_aliases ?? [];
  if (keys.length + aliases.length === 0) throw new GatewayError('invalid_request', 'keys: say which keys.', { param: 'keys' });
  refuse(
    Object.keys(raw).flatMap((field) =>
      field === 'keys' || field === 'key_aliases' ? [] : [{ field, message: 'is not a field of this' }],
    ),
  );
  const found = [
    ...(await Promise.all(keys.map((key) => findKey(key, desk)))),
    ...(await Promise.all(aliases.map((alias) => byAlias(alias, desk)))),
  ];
  for (const id of new Set(found.map(({ id }) => id))) await desk.inner.remove('keys', id);
  return { deleted_keys: [...keys, ...aliases] };
}

export const block =
  (disabled: boolean) =>
  async (request: Request, desk: Desk): Promise<JsonObject> => {
    const { body } = await readBody(request, oneKey);
    const { id } = await findKey(body.key, desk);
    return shownWithTeam(await desk.inner.change('keys', id, { disabled }), desk);
  };
