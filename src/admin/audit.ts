import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { type AuditHead, auditOutcomes, DEPLOYMENT_CHAIN } from '../core/ledger/audit.ts';
import type { SignedCheckpoint } from '../core/ledger/audit-checkpoint.ts';
import { checkpointLine, entryLine } from '../core/ledger/audit-file.ts';
import { findTenants, listAudit, readTenant } from '../state/tenants/reads.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, type OrgLedger, requireDb } from './deps.ts';
import { check, moment, pageShape, paging } from './input.ts';

const text = z.string().min(1).max(256).optional();

const listQuery = z.strictObject({
  ...paging,
  actor: text,
  action: text.describe('Whole, or up to a dot: key is every action on keys.'),
  subject: text.describe('The id of what it was done to.'),
  org: text.describe('The id of the organisation.'),
  outcome: z.enum(auditOutcomes).optional(),
  since: moment.optional(),
  until: moment.optional(),
});

const entry = z.strictObject({
  id: z.int(),
  at: z.int().describe('Milliseconds since the epoch.'),
  actor: z.string(),
  action: z.string(),
  detail: z.looseObject({}),
  subject: z.string().nullable(),
  org: z.string().nullable().describe('null: of the deployment.'),
  change: z.string().nullable().describe('The id of the change in the chain.'),
  seq: z.int().nullable().describe('The number of its intent in the chain.'),
  outcome: z.enum(auditOutcomes),
});

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, ...filters } = check(listQuery, context.req.query());
  return context.json(await listAudit(requireDb(deps), { limit, cursor, filters }));
}

const chainQuery = z.strictObject({
  org: z.string().min(1).max(128).optional().describe('Id or name of the organisation; absent: the chain of the deployment itself.'),
});
const exportQuery = chainQuery.extend({
  after: z.coerce.number().int().min(0).default(0).describe('Only the entries after this number: what a checkpoint was kept of before.'),
});

/** Entries that are asked of a ledger at once. */
const PAGE = 500;

/** The chain of an organisation, also of one that was deleted, or of the deployment. Throws `not_found`. */
async function chainOf(org: string | undefined, deps: AdminDeps): Promise<{ readonly chain: string; readonly ledger: OrgLedger }> {
  const db = requireDb(deps);
  if (deps.ledger === undefined)
    throw new GatewayError('not_supported', 'There is no chain: no ledger is bound. The operator binds LEDGER.');
  const chain = org === undefined ? DEPLOYMENT_CHAIN : await organisation(db, org);
  return { chain, ledger: deps.ledger(chain) };
}

async function organisation(db: D1Database, named: string): Promise<string> {
  const byId = await readTenant(db, 'org', named, true);
  const [found] = byId === undefined ? await findTenants(db, { level: 'org', named }) : [byId];
  // Only those that there are: a ledger is made for every name that is asked for.
  if (found === undefined) throw new GatewayError('not_found', 'There is no organisation of this id or name.');
  return found.id;
}

async function signed(chain: string, head: AuditHead, { signer, clock }: AdminDeps): Promise<SignedCheckpoint> {
  const checkpoint = await signer?.sign({ chain, ...head, at: clock.now() });
  if (checkpoint === undefined) {
    throw new GatewayError('not_supported', 'Nothing can be signed: no secret is set. The operator sets WEIR_SECRET.');
  }
  return checkpoint;
}

async function checkpoint(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { org } = check(chainQuery, context.req.query());
  const { chain, ledger } = await chainOf(org, deps);
  return context.json({ checkpoint: await signed(chain, await ledger.auditHead(), deps) });
}

async function exported(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { org, after } = check(exportQuery, context.req.query());
  const { chain, ledger } = await chainOf(org, deps);
  const head = await ledger.auditHead();
  if (after > head.seq) throw new GatewayError('invalid_request', `The chain ends at ${head.seq}.`, { param: 'after' });
  const last = checkpointLine(await signed(chain, head, deps));
  return new Response(linesOf(ledger, after, head, last), { headers: { 'content-type': 'application/jsonl' } });
}

/** The entries up to the head, asked for as they are read, and the checkpoint. One that breaks off has none: so it shows. */
function linesOf(ledger: OrgLedger, after: number, head: AuditHead, last: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let at = after;
  return new ReadableStream({
    async pull(controller) {
      const entries = at >= head.seq ? [] : await ledger.auditAfter(at, Math.min(PAGE, head.seq - at));
      const end = entries.at(-1)?.seq;
      if (end === undefined && at < head.seq) throw new Error(`The audit has no entry ${at + 1}`);
      at = end ?? at;
      controller.enqueue(encoder.encode(entries.map(entryLine).join('') + (at >= head.seq ? last : '')));
      if (at >= head.seq) controller.close();
    },
  });
}

async function keys(context: AdminContext, { signer }: AdminDeps): Promise<Response> {
  const [key, ...previous] = (await signer?.keys()) ?? [];
  if (key === undefined) throw new GatewayError('not_supported', 'Nothing is signed: no secret is set. The operator sets WEIR_SECRET.');
  return context.json({ algorithm: 'Ed25519', key, previous });
}

const publicKey = z.string().describe('32 bytes as base64url.');
const signedCheckpoint = z.strictObject({
  chain: z.string().describe('The id of the organisation, or deployment.'),
  seq: z.int().describe('The number of the last entry.'),
  hash: z.string().describe('Its hash.'),
  at: z.int().describe('Milliseconds since the epoch.'),
  key: publicKey,
  signature: z.string().describe('Ed25519, 64 bytes as base64url.'),
});

export const auditRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/audit',
    doc: { summary: 'Who changed what, or tried to, newest first', query: listQuery, answer: pageShape(entry) },
    handle: list,
  },
  {
    method: 'GET',
    path: '/audit/export',
    doc: { summary: 'A chain as JSON lines, oldest first, and in the last line its checkpoint, signed', query: exportQuery },
    handle: exported,
  },
  {
    method: 'GET',
    path: '/audit/checkpoint',
    doc: {
      summary: 'What a chain is now, signed: to be kept elsewhere',
      query: chainQuery,
      answer: z.strictObject({ checkpoint: signedCheckpoint }),
    },
    handle: checkpoint,
  },
  {
    method: 'GET',
    path: '/audit/key',
    doc: {
      summary: 'The public key that checkpoints are signed with',
      answer: z.strictObject({
        algorithm: z.literal('Ed25519'),
        key: publicKey,
        previous: z.array(publicKey).describe('Of the secret before: what it signed.'),
      }),
    },
    handle: keys,
  },
];
