import { graphql } from './graphql/index.ts';
import { openapi } from './openapi/index.ts';
import { remote } from './remote/index.ts';
import type { SourceKind } from './source.ts';

/** Every kind of source that a route can name. */
export const sources: readonly SourceKind[] = [remote, openapi, graphql];
