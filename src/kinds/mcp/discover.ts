import { Wire } from '../../core/wire.ts';
import type { SourceContext } from './sources/source.ts';
import type { VirtualServer } from './virtual.ts';
import { meta, SUPPORTED } from './wire/versions.ts';

/** The answer to `server/discover`: what the servers behind the route are together, in the revisions that the gateway speaks. */
export async function discover(server: VirtualServer, context: SourceContext): Promise<Wire> {
  const { offer, meta: missing } = await server.offer(context);
  const { capabilities, serverInfo, instructions } = offer;
  return Wire.of({
    resultType: 'complete',
    supportedVersions: SUPPORTED,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { ...missing, ...(serverInfo === undefined ? {} : { [meta.serverInfo]: serverInfo }) },
  });
}
