import { a2a } from './a2a/index.ts';
import { graphql } from './graphql/index.ts';
import { llm } from './llm/index.ts';
import { openapi } from './openapi/index.ts';
import { remote } from './remote/index.ts';
import { replicas } from './replicas/index.ts';
import type { SourceKind } from './source.ts';

/** Every kind of source that a route can name. */
export const sources: readonly SourceKind[] = [remote, openapi, graphql, llm, a2a, replicas];
