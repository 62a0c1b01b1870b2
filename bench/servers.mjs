import { startMany } from '../test/mcp/many.ts';

// The MCP servers of lists.mjs, in a process of their own: `node servers.mjs <servers> <tools of each>`. Tells its parent
// the address of each, and is told what one does from now on: `{ at, state }`.
const [servers, tools] = process.argv.slice(2).map(Number);
const many = await startMany(Array.from({ length: servers }, () => ({ tools, ttlMs: 300_000, cacheScope: 'public' })));
process.on('message', ({ at, state }) => {
  many.set(at, state);
  process.send({ at, state });
});
process.on('disconnect', () => process.exit(0));
process.send({ urls: Array.from({ length: servers }, (_, at) => many.url(at)) });
