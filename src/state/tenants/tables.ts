import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { Json, JsonObject } from '../../core/json.ts';

// The tables of tenants and of what belongs to them, as the control plane works with them.

const list = (name: string) => text(name, { mode: 'json' }).$type<readonly string[]>();
const moment = (name: string) => integer(name);

const shared = () => ({
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  limits: text('limits', { mode: 'json' }).$type<readonly Json[]>().notNull(),
  models: list('models'),
  routes: list('routes'),
  ips: list('ips'),
  countries: list('countries'),
  metadata: text('metadata', { mode: 'json' }).$type<JsonObject>().notNull(),
  disabled: integer('disabled', { mode: 'boolean' }).notNull(),
  version: integer('version').notNull(),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
  deletedAt: moment('deleted_at'),
});

export const orgs = sqliteTable('orgs', { ...shared(), generation: integer('generation').notNull() });

export const teams = sqliteTable('teams', { ...shared(), org: text('org_id').notNull() });

export const apps = sqliteTable('apps', { ...shared(), org: text('org_id').notNull(), team: text('team_id').notNull() });

export const keys = sqliteTable('keys', {
  ...shared(),
  org: text('org_id').notNull(),
  team: text('team_id').notNull(),
  app: text('app_id').notNull(),
  environment: text('environment', { enum: ['live', 'dev', 'test'] }).notNull(),
  digest: text('digest'),
  pepper: text('pepper'),
  previousDigest: text('previous_digest'),
  previousPepper: text('previous_pepper'),
  previousUntil: moment('previous_until'),
  expiresAt: moment('expires_at'),
});

export const keyAliases = sqliteTable('key_aliases', {
  digest: text('digest').primaryKey(),
  pepper: text('pepper').notNull(),
  keyId: text('key_id').notNull(),
  until: moment('until'),
  createdAt: moment('created_at').notNull(),
});

export const webhooks = sqliteTable('webhooks', {
  id: text('id').primaryKey(),
  org: text('org_id').notNull(),
  url: text('url').notNull(),
  events: list('events'),
  disabled: integer('disabled', { mode: 'boolean' }).notNull(),
  secret: text('secret'),
  previousSecret: text('previous_secret'),
  previousUntil: moment('previous_until'),
  goneAt: moment('gone_at'),
  version: integer('version').notNull(),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
  deletedAt: moment('deleted_at'),
});

export const credentials = sqliteTable('credentials', {
  id: text('id').primaryKey(),
  org: text('org_id').notNull(),
  name: text('name').notNull(),
  description: text('description').notNull(),
  wrapped: text('wrapped'),
  sealed: text('sealed'),
  revision: integer('revision').notNull(),
  version: integer('version').notNull(),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
  deletedAt: moment('deleted_at'),
});

export const connections = sqliteTable('connections', {
  id: text('id').primaryKey(),
  org: text('org_id').notNull(),
  app: text('app_id'),
  user: text('user'),
  route: text('route').notNull(),
  source: text('source').notNull(),
  kind: text('kind', { enum: ['oauth', 'key'] }).notNull(),
  issuer: text('issuer'),
  scopes: text('scopes'),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
});

export const oauthGrants = sqliteTable('oauth_grants', {
  id: text('id').primaryKey(),
  org: text('org_id').notNull(),
  app: text('app_id').notNull(),
  user: text('user'),
  key: text('key_id'),
  client: text('client').notNull(),
  clientName: text('client_name').notNull(),
  resource: text('resource').notNull(),
  scopes: text('scopes').notNull(),
  createdAt: moment('created_at').notNull(),
  expiresAt: moment('expires_at').notNull(),
});

export const audit = sqliteTable('audit', {
  id: integer('id').primaryKey({ autoIncrement: true }),
  at: moment('at').notNull(),
  actor: text('actor').notNull(),
  action: text('action').notNull(),
  detail: text('detail', { mode: 'json' }).$type<JsonObject>().notNull(),
  subject: text('subject'),
  org: text('org'),
  change: text('change'),
  seq: integer('seq'),
  outcome: text('outcome', { enum: ['done', 'failed', 'unknown'] }).notNull(),
});
