import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { call, type McpGateway, modern, startMcpGateway } from './gateway.ts';
import { json, type Scripted, startScripted } from './scripted.ts';

// Servers that people run, as npm has them, behind one route. Those that speak over pipes stand behind a bridge of this
// file's own, which hands messages on and keeps no sessions.

const modules = path.join(import.meta.dirname, '..', '..', 'node_modules', '@modelcontextprotocol');
let gateway: McpGateway;
let everything: ChildProcess;
let folder: string;
const bridges: { readonly http: Scripted; readonly client: Client }[] = [];
afterAll(async () => {
  everything?.kill();
  await gateway?.stop();
  await Promise.all(bridges.flatMap(({ http, client }) => [http.close(), client.close()]));
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** A server over pipes as one over HTTP. */
async function bridged(name: string, args: readonly string[], env: { readonly [name: string]: string } = {}): Promise<string> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [path.join(modules, name, 'dist', 'index.js'), ...args],
    env: { ...env, PATH: process.env.PATH ?? '' },
    stderr: 'ignore',
  });
  const client = new Client({ name: 'bridge', version: '1' });
  await client.connect(transport);
  const initialized = {
    protocolVersion: '2025-11-25',
    capabilities: client.getServerCapabilities(),
    serverInfo: client.getServerVersion(),
  };
  const http = await startScripted(async ({ method, body }, response) => {
    if (method !== 'POST') return void response.writeHead(405).end();
    if (body.id === undefined) return void response.writeHead(202).end();
    if (body.method === 'initialize') return json(response, { jsonrpc: '2.0', id: body.id, result: initialized });
    try {
      const result = await client.request({ method: body.method, params: body.params }, {
        parse: (value: unknown) => value,
        safeParse: (data: unknown) => ({ success: true, data }),
      } as never);
      json(response, { jsonrpc: '2.0', id: body.id, result });
    } catch (error) {
      const { code = -32603, message } = error as { code?: number; message: string };
      json(response, { jsonrpc: '2.0', id: body.id, error: { code, message } });
    }
  });
  bridges.push({ http, client });
  return http.url;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-mcp-'));
  await writeFile(path.join(folder, 'note.txt'), 'kept in a file');
  const port = await freePort();
  everything = spawn(process.execPath, [path.join(modules, 'server-everything', 'dist', 'index.js'), 'streamableHttp'], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  const [files, memory] = await Promise.all([
    bridged('server-filesystem', [folder]),
    bridged('server-memory', [], { MEMORY_FILE_PATH: path.join(folder, 'memory.jsonl') }),
    until(
      () =>
        fetch(url).then(
          () => true,
          () => false,
        ),
      20_000,
      'server-everything',
    ),
  ]);
  gateway = await startMcpGateway();
  await gateway.publish({
    team: [
      { url, prefix: 'all' },
      { url: files, prefix: 'files' },
      { url: memory, prefix: 'memory' },
    ],
  });
});

it('serves the tools of all three to clients of both ways', async () => {
  const listed = (await modern(gateway.mcp('team'), 1, 'tools/list')).messages
    .at(-1)
    ?.result.tools.map(({ name }: { name: string }) => name);
  expect(listed).toEqual(expect.arrayContaining(['all__echo', 'files__read_text_file', 'memory__read_graph']));
  const said = async (name: string, args: object) =>
    (await call(gateway.mcp('team'), 1, name, args)).messages.at(-1)?.result.content[0].text;
  expect(await said('all__echo', { message: 'hello' })).toContain('hello');
  expect(await said('files__read_text_file', { path: path.join(folder, 'note.txt') })).toBe('kept in a file');
  await said('memory__create_entities', { entities: [{ name: 'Weir', entityType: 'dam', observations: ['lets water through'] }] });
  expect(await said('memory__search_nodes', { query: 'water' })).toContain('Weir');

  const client = new Client({ name: 'old', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(gateway.mcp('team')), {
    requestInit: { headers: { authorization: `Bearer ${KEY}` } },
  });
  await client.connect(transport as never);
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(listed);
  const answer = await client.callTool({ name: 'all__get-sum', arguments: { a: 2, b: 3 } });
  expect(JSON.stringify(answer.content)).toContain('5');
  const { resources } = await client.listResources();
  const { contents } = await client.readResource({ uri: resources[0]?.uri ?? '' });
  expect(contents[0]?.uri).toBe(resources[0]?.uri);
  await transport.terminateSession();
  await client.close();
});
