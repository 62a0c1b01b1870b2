import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

// What the official suite runs as the client under test: a client of the official SDK that reaches the suite's server
// through the gateway alone. The gateway is told of the server first, as the source of a route of its own. What the suite
// looks at is then what the gateway does as a client: its headers, its sessions, its echo of a server's state.
//
//   node driver.ts <url of the suite's server>
//   REGISTRAR   makes a route of such a url: POST {url} answers {mcp, headers}
//   BRIDGE      `legacy`: the client speaks the old way, whatever the scenario is of

const { MCP_CONFORMANCE_SCENARIO: scenario = '', MCP_CONFORMANCE_PROTOCOL_VERSION: version = '', REGISTRAR = '', BRIDGE } = process.env;
const context: { readonly toolCalls?: readonly Call[] } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');

interface Call {
  readonly name: string;
  readonly arguments: { [name: string]: unknown };
}

interface Place {
  readonly mcp: string;
  readonly headers: { readonly [name: string]: string };
}

async function registered(url: string): Promise<Place> {
  const response = await fetch(REGISTRAR, { method: 'POST', body: JSON.stringify({ url }) });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as Place;
}

const isModern = version === '2026-07-28' && BRIDGE !== 'legacy';

async function connected({ mcp, headers }: Place, capabilities: object): Promise<Client> {
  const client = new Client(
    { name: 'test-client', version: '1.0.0' },
    { capabilities, ...(isModern ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {}) },
  );
  if (Object.hasOwn(capabilities, 'elicitation'))
    client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { confirmed: true } }));
  await client.connect(new StreamableHTTPClientTransport(new URL(mcp), { requestInit: { headers } }));
  return client;
}

/** What the scenarios of these names want of a client, beyond listing and calling what is listed. */
const scripts: { readonly [scenario: string]: (client: Client) => Promise<void> } = {
  initialize: async (client) => {
    await client.listTools();
  },
  'request-metadata': async (client) => {
    await client.listTools();
  },
  tools_call: async (client) => {
    await client.listTools();
    await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
  },
  'http-standard-headers': async (client) => {
    const { tools } = await client.listTools();
    await client.callTool({ name: tools[0]?.name ?? '', arguments: {} });
    const { resources } = await client.listResources();
    await client.readResource({ uri: resources[0]?.uri ?? '' });
    const { prompts } = await client.listPrompts();
    await client.getPrompt({ name: prompts[0]?.name ?? '', arguments: {} });
  },
  'http-custom-headers': async (client) => {
    await client.listTools();
    for (const call of context.toolCalls ?? []) await client.callTool({ name: call.name, arguments: call.arguments });
  },
  'http-invalid-tool-headers': async (client) => {
    const { tools } = await client.listTools();
    for (const { name } of tools) await client.callTool({ name, arguments: { region: 'us-west1' } }).catch(() => undefined);
  },
  'sep-2322-client-request-state': async (client) => {
    for (const name of ['test_mrtr_echo_state', 'test_mrtr_no_state', 'test_mrtr_unrelated', 'test_mrtr_no_result_type'])
      await client.callTool({ name, arguments: {} }).catch(() => undefined);
  },
  'json-schema-ref-no-deref': async (client) => {
    await client.listTools();
  },
  'json-schema-2020-12-preservation': async (client) => {
    const { tools } = await client.listTools();
    const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
    await client.callTool({ name: 'json_schema_echo', arguments: { schema } });
  },
};

const everything = async (client: Client) => {
  const { tools } = await client.listTools();
  for (const { name } of tools) await client.callTool({ name, arguments: {} });
};

const capabilities: { readonly [scenario: string]: object } = {
  'request-metadata': { roots: { listChanged: true }, sampling: {}, elicitation: {} },
  'sep-2322-client-request-state': { elicitation: {} },
  'elicitation-sep1034-client-defaults': { elicitation: { form: { applyDefaults: true } } },
};

// Servers that want a grant have a driver of their own.
if (scenario.startsWith('auth/')) await import('./authorized.ts');
const client = await connected(await registered(process.argv[2] ?? ''), capabilities[scenario] ?? {});
await (scripts[scenario] ?? everything)(client);
await client.close();
process.exit(0);
