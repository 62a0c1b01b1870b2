import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

// An MCP server on stdio with one tool, `read_proof`, which says what stands in the file that it is started with:
// `node mcp-server.mjs <file>`. https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio

const [file] = process.argv.slice(2);

const TOOL = {
  name: 'read_proof',
  description: 'Reads the proof.',
  inputSchema: { type: 'object', properties: { which: { type: 'string' } }, required: ['which'] },
};

const methods = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'proofs', version: '1.0.0' } }),
  'tools/list': () => ({ tools: [TOOL] }),
  'tools/call': () => ({ content: [{ type: 'text', text: readFileSync(file, 'utf8') }] }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  const answer = methods[method];
  const said = answer === undefined ? { error: { code: -32601, message: `no ${method}` } } : { result: answer(params) };
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...said })}\n`);
}
