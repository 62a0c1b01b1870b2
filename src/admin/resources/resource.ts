import type { z } from 'zod';
import type { TenantLevel } from '../../core/tenant.ts';
import type { Tenant } from '../../state/tenants/tenant.ts';
import type { AdminDeps } from '../deps.ts';
import {
  appResource,
  change,
  changeKey,
  createApp,
  createKey,
  createOrg,
  createTeam,
  keyOnce,
  keyResource,
  orgResource,
  teamResource,
} from './shapes.ts';

export type CreateBody = z.output<typeof createOrg | typeof createTeam | typeof createApp | typeof createKey>;

/** One level as the admin API has it. */
export interface Resource {
  readonly level: TenantLevel;
  /** Of its paths: `orgs`. */
  readonly plural: string;
  readonly word: string;
  readonly create: z.ZodType<CreateBody>;
  readonly change: z.ZodType<z.output<typeof changeKey>>;
  /** What reading it answers. */
  readonly shape: z.ZodType;
  /** What making it answers. */
  readonly made: z.ZodType;
}

export const resources: readonly Resource[] = [
  { level: 'org', plural: 'orgs', word: 'organisation', create: createOrg, change, shape: orgResource, made: orgResource },
  { level: 'team', plural: 'teams', word: 'team', create: createTeam, change, shape: teamResource, made: teamResource },
  { level: 'app', plural: 'apps', word: 'app', create: createApp, change, shape: appResource, made: appResource },
  { level: 'key', plural: 'keys', word: 'key', create: createKey, change: changeKey, shape: keyResource, made: keyOnce },
];

/** A thing as every answer shows it. */
export function shownTenant({ version: _, deletedAt, ...tenant }: Tenant, { keys }: AdminDeps) {
  const { id, environment } = tenant;
  return {
    ...tenant,
    ...(environment === undefined ? {} : { prefix: keys?.shown(environment, id) ?? '' }),
    ...(deletedAt === null ? {} : { deletedAt }),
  };
}
