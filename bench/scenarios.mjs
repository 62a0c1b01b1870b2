// What is measured. `requests` is the count of one round; `events` the content events of one streamed answer.

const system = 'You are a support assistant of a hardware shop. Answer in at most three sentences and name the part number.';
const question = 'The pump I bought last week makes a rattling noise when it starts. What should I look at first?';

/** Prose with the escapes that JSON needs, `bytes` long before they are added. */
function prose(bytes) {
  const line = 'The gauge read 3.2 bar at noon; "steady", the log says, and nobody touched the valve until the evening shift came in.\n';
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}

const short = [
  { role: 'system', content: system },
  { role: 'user', content: question },
];
const json = (model) => ({ model, messages: short, temperature: 0.2 });
const streamed = (model) => ({ ...json(model), stream: true });
const withUsage = (model) => ({ ...streamed(model), stream_options: { include_usage: true } });
const large = (model) => ({ model, messages: [{ role: 'user', content: prose(200_000) }] });

/** Said in other words than what the semantic cache was asked before (`semantic.mjs`). */
const reworded = (model) => ({ model, messages: [short[0], { role: 'user', content: 'How can I reset my password?' }] });

/** A call of a tool as clients make it. `_meta` is of the revision without sessions. */
const tool = (meta) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: {
    name: 'up__look_up',
    arguments: { question: 'What does a weir do?', sources: ['manual', 'log'], limit: 5 },
    ...(meta === undefined ? {} : { _meta: meta }),
  },
});
const modern = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};
const mcpHeaders = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'up__look_up' };
const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } },
};

/** `model` is the upstream's script (see upstream.mjs); `body` makes the request from the model name a gateway wants. */
export const scenarios = [
  { id: 'json1', title: 'small JSON, 1 connection', model: 'json', body: json, connections: 1, requests: 1500 },
  { id: 'json16', title: 'small JSON, 16 connections', model: 'json', body: json, connections: 16, requests: 6000 },
  { id: 'json64', title: 'small JSON, 64 connections', model: 'json', body: json, connections: 64, requests: 6000 },
  {
    id: 'slow64',
    title: 'small JSON after 50 ms, 64 connections',
    model: 'slow-50',
    body: json,
    connections: 64,
    requests: 6000,
  },
  {
    // So few that they stay within the tries that a model's calls have earned.
    id: 'refused',
    title: 'small JSON, 1 connection; `failover` asks a target that refuses at once before',
    model: 'json',
    body: json,
    connections: 1,
    requests: 40,
  },
  {
    id: 'burst',
    title: '200-event burst, usage asked for, 16 connections',
    model: 'burst-200',
    body: withUsage,
    connections: 16,
    requests: 320,
    events: 200,
  },
  {
    id: 'filtered',
    title: '200-event burst, usage not asked for, 16 connections',
    model: 'burst-200',
    body: streamed,
    connections: 16,
    requests: 320,
    events: 200,
  },
  {
    id: 'paced',
    title: '100 concurrent streams, 100 events 10 ms apart',
    model: 'paced-100',
    body: withUsage,
    connections: 100,
    requests: 200,
    events: 100,
    stagger: 1,
  },
  {
    id: 'translated',
    title: '200-event burst for an Anthropic client, 16 connections (all others hand on what comes)',
    model: 'burst-200',
    body: withUsage,
    translated: {
      path: '/v1/messages',
      body: (model) => ({ model, max_tokens: 1024, stream: true, system, messages: short.slice(1) }),
      mark: '"text_delta"',
      end: 'message_stop',
    },
    connections: 16,
    requests: 320,
    events: 200,
  },
  { id: 'large', title: '200 KB prompt, JSON answer, 16 connections', model: 'json', body: large, connections: 16, requests: 800 },
  {
    id: 'ttft',
    title: 'first token, 1 connection',
    model: 'paced-3',
    body: withUsage,
    connections: 1,
    requests: 80,
    events: 3,
  },
  { id: 'cached1', title: 'small JSON that was asked before, 1 connection', model: 'json', body: json, connections: 1, requests: 1500 },
  { id: 'cached16', title: 'small JSON that was asked before, 16 connections', model: 'json', body: json, connections: 16, requests: 6000 },
  {
    id: 'cachedstream',
    title: '200-event stream that was asked before, 16 connections',
    model: 'burst-200',
    body: withUsage,
    connections: 16,
    requests: 320,
    events: 200,
  },
  {
    id: 'cachedsemantic',
    title: 'small JSON whose question was asked in other words among 50,000, 1 connection (`cached`: in the same words)',
    model: 'json',
    body: reworded,
    connections: 1,
    requests: 1500,
  },
  {
    id: 'mcp16',
    title: 'call of an MCP tool without sessions (2026-07-28), 16 connections',
    path: '/mcp/tools',
    headers: mcpHeaders,
    body: () => tool(modern),
    mark: '"content"',
    connections: 16,
    requests: 6000,
    only: ['floor', 'weir'],
  },
  {
    id: 'mcpsession16',
    title: 'call of an MCP tool in one session (2025-11-25), 16 connections',
    path: '/mcp/tools',
    headers: { 'mcp-protocol-version': '2025-11-25' },
    opens: initialize,
    body: () => tool(),
    mark: '"content"',
    connections: 16,
    requests: 6000,
    only: ['floor'],
  },
];
