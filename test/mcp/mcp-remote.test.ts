import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { type McpGateway, startMcpGateway } from './gateway.ts';

// A client that speaks over pipes alone, by way of `mcp-remote`, as people configure it: with a key in a header.

const BRIDGE = path.join(import.meta.dirname, '..', '..', 'node_modules', 'mcp-remote', 'dist', 'proxy.js');

let gateway: McpGateway;
let both: Fixture;
let modern: Fixture;
let folder: string;
const clients: Client[] = [];
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([gateway?.stop(), both?.close(), modern?.close()]);
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-mcp-remote-'));
  [gateway, both, modern] = await Promise.all([startMcpGateway(), startFixture(), startFixture({ eras: 'modern' })]);
  await gateway.publish({
    legacy: [{ url: both.url, prefix: '' }],
    team: [
      { url: both.url, prefix: 'one' },
      { url: modern.url, prefix: 'two' },
    ],
  });
});

/** A client over pipes; `said` takes what the bridge says of itself. */
async function bridged(url: string, key: string, said: string[] = []): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BRIDGE, url, '--header', `Authorization:Bearer \${WEIR_KEY}`],
    env: { PATH: process.env.PATH ?? '', HOME: folder, MCP_REMOTE_CONFIG_DIR: folder, WEIR_KEY: key, BROWSER: 'none' },
    stderr: 'pipe',
  });
  transport.stderr?.on('data', (piece: Buffer) => said.push(piece.toString()));
  const client = new Client({ name: 'over pipes', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { name: 'a person', response: 'a person' } }));
  clients.push(client);
  await client.connect(transport);
  return client;
}

const textOf = (result: Awaited<ReturnType<Client['callTool']>>) => (result.content as { text: string }[])[0]?.text;

describe('mcp-remote', () => {
  it('brings several servers of both ways of the protocol to a client over pipes', async () => {
    const client = await bridged(gateway.mcp('team'), KEY);
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toContain('one__echo');
    expect(names).toContain('two__echo');
    const said = await Promise.all(
      Array.from({ length: 20 }, async (_, at) =>
        textOf(await client.callTool({ name: at % 2 === 0 ? 'one__echo' : 'two__echo', arguments: { text: `say ${at}` } })),
      ),
    );
    expect(said).toEqual(Array.from({ length: 20 }, (_, at) => `say ${at}`));
    const failed = await client.callTool({ name: 'one__test_error_handling', arguments: {} });
    expect(failed.isError).toBe(true);
  });

  it('carries questions of servers to the client, and its answers back', async () => {
    const client = await bridged(gateway.mcp('legacy'), KEY);
    expect(textOf(await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } }))).toContain('a person');
    const two = await bridged(gateway.mcp('team'), KEY);
    expect(textOf(await two.callTool({ name: 'two__test_input_required_result_elicitation', arguments: {} }))).toBe('Hello, a person!');
  });

  it('carries progress, and cancels what its client takes back', async () => {
    const client = await bridged(gateway.mcp('legacy'), KEY);
    const progress: number[] = [];
    await client.callTool({ name: 'test_tool_with_progress', arguments: {} }, undefined, {
      onprogress: (each) => void progress.push(each.progress),
    });
    expect(progress).toEqual([0, 50, 100]);
    const [begun, before] = [both.begun(), both.cancelled()];
    const controller = new AbortController();
    const slow = client.callTool({ name: 'slow', arguments: {} }, undefined, { signal: controller.signal });
    slow.catch(() => undefined);
    await until(() => both.begun() > begun, 15_000, 'the call to arrive');
    controller.abort('enough');
    await expect(slow).rejects.toThrow(/enough/);
    await until(() => both.cancelled() > before, 15_000, 'the server is told');
  });

  it('belongs to its key in the log, with a session of its own', async () => {
    const rows = await gateway.rows({ tool: 'one__echo' }, 10);
    expect(rows.every((row) => row.status === 'complete')).toBe(true);
    expect((rows[0] as unknown as { facts: object }).facts).toMatchObject({ mcp: { era: 'legacy', source: 'one', outcome: 'complete' } });
  });

  it('is told that a key is wrong, and sends nobody to a page where no login is configured', async () => {
    const said: string[] = [];
    await expect(bridged(gateway.mcp('team'), 'weir_dev_wrong', said)).rejects.toThrow();
    expect(said.join('')).toMatch(/401|[Uu]nauthorized|key/);
    expect(said.join('')).not.toMatch(/authorize this client by visiting|opened your browser/i);
  });
});
