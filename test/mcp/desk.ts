import { fromJsonSchema, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';

// A help desk's server, as the official SDK makes one: what it was asked stands in its answers.

const text = { type: 'string' };
const object = (properties: object, required: readonly string[] = []) => ({ type: 'object', properties, required });

/** What the desk knows of every ticket. */
const TICKET = {
  subject: 'The printer burns',
  customer: { name: 'Ann', email: 'ann@customer.example', card: '4111 1111 1111 1111' },
  notes: [
    { by: 'bob', text: 'Called ann@customer.example about INV-20261122', internal: 'rude' },
    { by: 'eve', text: 'Waits', internal: 'friendly' },
  ],
};

const READS = { readOnlyHint: true };

const TOOLS: { readonly [name: string]: { readonly input: object; readonly annotations?: object; readonly tags?: readonly string[] } } = {
  search_tickets: {
    input: object(
      {
        query: text,
        region: { ...text, 'x-mcp-header': 'Region' },
        requester: text,
        limit: { type: 'integer' },
        filters: { type: 'object' },
      },
      ['query', 'region'],
    ),
    annotations: READS,
  },
  get_ticket: { input: object({ id: text, why: text }, ['id']), annotations: READS },
  update_ticket: { input: object({ id: text, status: text }, ['id']), annotations: { destructiveHint: false } },
  delete_ticket: { input: object({ id: text }, ['id']), annotations: { destructiveHint: true }, tags: ['admin'] },
  refund: { input: object({ id: text, amount: { type: 'number' }, currency: text }, ['id', 'amount']) },
  run_tests: { input: object({ fail: { type: 'boolean' } }) },
  review: { input: object({}) },
  deploy: { input: object({}) },
};

export function desk(): McpServer {
  const server = new McpServer(
    { name: 'desk', version: '1.0.0' },
    { capabilities: { tools: { listChanged: true }, prompts: {}, resources: {}, completions: {} } },
  );
  for (const [name, { input, annotations = {}, tags }] of Object.entries(TOOLS)) {
    server.registerTool(
      name,
      {
        description: `${name} of the desk`,
        inputSchema: fromJsonSchema(input as never),
        annotations,
        ...(tags === undefined ? {} : { _meta: { 'weir/tags': tags } }),
      },
      async (args) => {
        const known = name === 'get_ticket' ? TICKET : {};
        const said = { tool: name, args: args as object, ...known };
        const isError = (args as { fail?: boolean }).fail === true;
        return { content: [{ type: 'text', text: JSON.stringify(said) }], structuredContent: said, ...(isError ? { isError } : {}) };
      },
    );
  }
  for (const name of ['summarise', 'escalate']) {
    server.registerPrompt(name, { description: name }, async () => ({
      messages: [{ role: 'user', content: { type: 'text', text: `${name} it` } }],
    }));
  }
  for (const name of ['handbook', 'payroll']) {
    server.registerResource(name, `desk://${name}`, { title: name }, async (uri) => ({ contents: [{ uri: uri.href, text: name }] }));
  }
  server.registerResource(
    'ticket',
    new ResourceTemplate('desk://tickets/{id}', { list: undefined }),
    { title: 'A ticket' },
    async (uri) => ({
      contents: [{ uri: uri.href, text: 'a ticket' }],
    }),
  );
  server.server.setRequestHandler('completion/complete', async () => ({ completion: { values: ['one'], total: 1, hasMore: false } }));
  return server;
}
