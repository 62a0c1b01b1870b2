/** What the ledger of the benchmark's organisation has counted since it was loaded. */
export default {
  fetch: async (_request, env) => Response.json(await env.LEDGER.getByName('org_dev').counts()),
};
