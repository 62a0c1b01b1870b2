import type { JsonObject } from '../../../../core/json.ts';
import { Misuse } from '../tool-result.ts';
import { readDocument } from './document.ts';
import { searchText, typeText, type Wanted } from './explore.ts';
import { type DocumentLimits, measure, variablesOf } from './measure.ts';
import { annotationsOf, type GraphQlRequest } from './operations.ts';
import type { Schema } from './schema.ts';

export const INTROSPECT = 'introspect';
export const EXECUTE = 'execute';

/** Characters of a search that are looked at, and words of it. */
const SEARCH = 256;
const WORDS = 8;

/** A tool that is there whatever the schema is. */
export interface GenericTool {
  readonly name: string;
  readonly tool: JsonObject;
}

type Limits = Pick<DocumentLimits, 'maxCost' | 'maxDepth' | 'mutations'>;

export function genericTools({ mutations, maxDepth, maxCost }: Limits): readonly GenericTool[] {
  const kinds = mutations ? 'queries and mutations' : 'queries only';
  return [
    {
      name: INTROSPECT,
      tool: {
        name: INTROSPECT,
        description:
          'Searches the GraphQL schema of the API. Without arguments: what can be asked for at the root. Use it before `execute`.',
        inputSchema: {
          type: 'object',
          properties: {
            type: { type: 'string', description: 'A type by its name: its fields, inputs or values.' },
            search: { type: 'string', description: 'Words: types, fields, inputs and values that hold all of them.' },
          },
          additionalProperties: false,
        },
        annotations: { readOnlyHint: true, openWorldHint: false },
      },
    },
    {
      name: EXECUTE,
      tool: {
        name: EXECUTE,
        description: `Sends a GraphQL document to the API: ${kinds}, ${maxDepth} selections deep and ${maxCost} fields at most, where fields below a list count as often as its page is long (\`first\`, \`limit\`).`,
        inputSchema: {
          type: 'object',
          properties: {
            document: { type: 'string', description: 'The document. Values belong in `variables`.' },
            variables: { type: 'object', description: 'The values of its variables.' },
            operationName: { type: 'string', description: 'Which operation is meant, where the document holds several.' },
          },
          required: ['document'],
          additionalProperties: false,
        },
        annotations: annotationsOf(mutations ? 'mutation' : 'query'),
      },
    },
  ];
}

/** What `introspect` answers. Throws `Misuse`. */
export function explored(schema: Schema, { type, search }: JsonObject, isWanted: Wanted): string {
  if (typeof type === 'string' && type !== '') return typeText(schema, type, isWanted);
  const words = typeof search === 'string' ? search.slice(0, SEARCH).toLowerCase().split(/\s+/) : [];
  return searchText(schema, words.filter((word) => word !== '').slice(0, WORDS), isWanted);
}

/** What `execute` sends: the document as it came, once it is known what it may come to. Throws `Misuse`. */
export function executed(schema: Schema, { document, variables, operationName }: JsonObject, limits: DocumentLimits): GraphQlRequest {
  if (typeof document !== 'string') throw new Misuse('Missing arguments: document.');
  const given = variablesOf(variables);
  const read = readDocument(document);
  const names = read.operations.map(({ name }) => name ?? 'one without a name').join(', ');
  if (operationName !== undefined && !read.operations.some(({ name }) => name === operationName))
    throw new Misuse(`The document has no operation of that name. It holds: ${names.slice(0, 1_024)}.`);
  if (operationName === undefined && read.operations.length > 1)
    throw new Misuse(`The document holds several operations: say which one is meant in \`operationName\`. ${names.slice(0, 1_024)}.`);
  measure(read, schema, given, limits);
  return { query: document, variables: given, ...(typeof operationName === 'string' ? { operationName } : {}) };
}
