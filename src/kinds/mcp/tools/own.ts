import type { JsonObject } from '../../../core/json.ts';

/** Tools of the gateway's own, which stand before those of a route. */
export const SEARCH = 'search_tools';
export const CALL = 'call_tool';
export const DESCRIBE = 'describe_tool';

/** Tools that one search gives, where the client does not say how many, and at most. */
export const FOUND = 10;
export const MOST_FOUND = 50;

export const searchTools: JsonObject = {
  name: SEARCH,
  title: 'Search tools',
  description: 'Finds tools of this server by what they do. Gives their whole definitions; call_tool calls them.',
  inputSchema: {
    type: 'object',
    properties: {
      query: { type: 'string', description: 'What a tool is to do, in a few words, or its name.' },
      limit: { type: 'integer', minimum: 1, maximum: MOST_FOUND, description: `How many at most; ${FOUND} when absent.` },
    },
    required: ['query'],
  },
  annotations: { readOnlyHint: true },
};

export const callTool: JsonObject = {
  name: CALL,
  title: 'Call a tool',
  description: 'Calls a tool that search_tools has found.',
  inputSchema: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'The name of the tool.' },
      arguments: { type: 'object', description: "As the tool's inputSchema has them." },
    },
    required: ['name'],
  },
};

export const describeTool: JsonObject = {
  name: DESCRIBE,
  title: 'Describe a tool',
  description: 'Gives the whole definition of a tool, with all that the list leaves out.',
  inputSchema: { type: 'object', properties: { name: { type: 'string', description: 'The name of the tool.' } }, required: ['name'] },
  annotations: { readOnlyHint: true },
};

/** What clients are told of servers that list so. */
export const INSTRUCTIONS: { readonly [show: string]: string } = {
  search: `This server has more tools than it lists: ${SEARCH} finds them, ${CALL} calls them.`,
  compact: `The list of tools says little of each: ${DESCRIBE} gives the whole definition of one.`,
};
