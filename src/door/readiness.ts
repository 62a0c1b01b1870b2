import type { Plan } from '../core/plan.ts';
import { readHead } from '../state/revisions.ts';

/** What the gateway cannot serve without, and whether it is there. */
export async function readiness(db: D1Database | undefined, plan: () => Plan | Promise<Plan>): Promise<Response> {
  const checks: { [dependency: string]: string } = {};
  try {
    checks.config = `revision ${(await plan()).revision}`;
  } catch {
    checks.config = 'failed';
  }
  try {
    if (db === undefined) checks.database = 'not bound';
    else {
      await readHead(db);
      checks.database = 'ok';
    }
  } catch {
    checks.database = 'failed';
  }
  const ready = !Object.values(checks).includes('failed');
  return Response.json({ ready, checks }, { status: ready ? 200 : 503 });
}
