import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { experimental_readRawConfig } from 'wrangler';
import type { Client, Target } from '../../src/cli/configure/client.ts';
import { clients } from '../../src/cli/configure/clients.ts';
import { setupOf, textsOf } from '../../src/cli/configure/index.ts';
import { run } from '../../src/cli/index.ts';
import { isObject, type JsonObject } from '../../src/core/json.ts';

const ORIGIN = 'https://gateway.example.com';
const target: Target = { origin: ORIGIN, url: `${ORIGIN}/mcp/team`, name: 'team', key: { variable: 'WEIR_KEY' }, model: 'smart' };
const SECRET = 'weir_dev_a-key-that-nobody-asked-to-write';

const made: string[] = [];
afterEach(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A person's machine: a home, and a project. */
async function machine(files: { readonly [path: string]: string } = {}) {
  const root = await mkdtemp(path.join(tmpdir(), 'weir-configure-'));
  made.push(root);
  const at = (name: string) => (name.startsWith('~/') ? path.join(root, 'home', name.slice(2)) : path.join(root, 'project', name));
  const save = async (file: string, text: string) => {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  };
  for (const [name, text] of Object.entries(files)) await save(at(name), text);
  const lines: string[] = [];
  const out = (line: string) => void lines.push(line);
  const shell = {
    env: { WEIR_URL: ORIGIN, WEIR_KEY: SECRET },
    fetch,
    now: () => Date.UTC(2026, 10, 22),
    read: readFile,
    save,
    out,
    err: out,
    write: async () => {},
  };
  return {
    lines,
    read: (name: string) => readFile(at(name), 'utf8'),
    beside: async (name: string) => (await readdir(path.dirname(at(name)))).sort(),
    weir: (...args: readonly string[]) =>
      run(['configure', ...args], { ...shell, home: path.join(root, 'home'), folder: path.join(root, 'project') }),
  };
}

async function toml(text: string): Promise<JsonObject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-toml-'));
  made.push(folder);
  const file = path.join(folder, 'wrangler.toml');
  await writeFile(file, text);
  const { rawConfig } = experimental_readRawConfig({ config: file });
  return JSON.parse(JSON.stringify(rawConfig));
}

const read = (name: string, text: string): Promise<JsonObject> | JsonObject => (name.endsWith('.toml') ? toml(text) : JSON.parse(text));

describe.each(clients.map((client) => [client.name, client] as const))('the page of %s', (name, client) => {
  const without: Client = client.llm === undefined ? client : { ...client, command: () => '' };

  it('shows what the command prints, and nothing else', async () => {
    const page = await readFile(path.join(import.meta.dirname, `../../docs/clients/${name}.md`), 'utf8');
    const fences = [...page.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text.trimEnd());
    const printed: string[] = [];
    for (const llm of client.llm === undefined ? [false] : [false, true]) {
      const { files, command, environment } = await textsOf(setupOf(llm ? without : client, target, llm));
      printed.push(
        ...[...files.map(({ text }) => text), command ?? '', environment ?? ''].filter((text) => text !== '').map((text) => text.trimEnd()),
      );
    }
    expect(fences).toEqual(printed);
    for (const text of printed) expect(page).toContain(text);
  });

  it('has files that parse and say where the server is, and holds no key', async () => {
    const setup = setupOf(client, target, client.llm !== undefined);
    const { files, command } = await textsOf(setup);
    for (const { path: file, text } of files) expect(isObject(await read(file, text))).toBe(true);
    expect(`${files.map(({ text }) => text).join('')}${command ?? ''}`).toContain(target.url);
    const box = await machine();
    expect(await box.weir(name, 'team')).toBe(0);
    expect(box.lines.join('\n')).not.toContain(SECRET);
    expect(box.lines.join('\n')).toContain(`${ORIGIN}/mcp/team`);
  });

  it('has a command that writes the files, once, and leaves all else', async () => {
    if (client.mcp === undefined) return;
    const { path: file } = client.mcp(target);
    const before = file.endsWith('.toml')
      ? '# mine\napproval_policy = "never"   # as I like it\n\n[mcp_servers.other]\ncommand = "other"\n'
      : `${JSON.stringify({ mine: { deep: [1, 2] }, mcpServers: { other: { command: 'o' } }, servers: { other: { command: 'o' } }, mcp: { other: {} } }, null, 4)}\n`;
    const box = await machine({ [file]: before });
    expect(await box.weir(name, 'team', '--write', ...(client.llm === undefined ? [] : ['--llm']))).toBe(0);
    const after = await box.read(file);
    const parsed = await read(file, after);
    expect(parsed).toMatchObject(await read(file, before));
    const { files } = await textsOf(setupOf(client, target, client.llm !== undefined));
    expect(parsed).toMatchObject(await read(file, files.find((each) => each.path === file)?.text ?? ''));
    if (file.endsWith('.toml')) expect(after).toContain(before);
    const kept = (await box.beside(file)).find((each) => each.endsWith('.bak'));
    expect(await box.read(path.join(path.dirname(file), kept ?? 'none'))).toBe(before);
    expect(after).not.toContain(SECRET);

    expect(await box.weir(name, 'team', '--write', ...(client.llm === undefined ? [] : ['--llm']))).toBe(0);
    expect(await box.read(file)).toBe(after);
    expect((await box.beside(file)).filter((each) => each.endsWith('.bak'))).toHaveLength(1);
  });
});

describe('weir configure', () => {
  it('writes a key only where it is told one', async () => {
    const box = await machine();
    expect(await box.weir('codex', 'team', '--write', '--key', 'sk-given')).toBe(0);
    expect(await toml(await box.read('~/.codex/config.toml'))).toEqual({
      mcp_servers: { team: { url: target.url, http_headers: { Authorization: 'Bearer sk-given' } } },
    });
    expect(await box.weir('vscode', 'team', '--write', '--key', 'sk-given')).toBe(0);
    expect(JSON.parse(await box.read('.vscode/mcp.json'))).toMatchObject({
      servers: { team: { headers: { Authorization: 'Bearer sk-given' } } },
    });
    expect(await box.weir('cursor', 'team', '--write', '--key-env', 'OTHER')).toBe(0);
    expect(await box.read('.cursor/mcp.json')).toContain(`Bearer \${env:OTHER}`);
  });

  it.each<[string, string, string, RegExp]>([
    ['comments', 'cursor', '{ // mine\n "mcpServers": {} }', /not plain JSON/],
    ['a list', 'cursor', '[]', /not plain JSON/],
    [
      'another server of the name',
      'cursor',
      '{"mcpServers":{"team":{"url":"https://elsewhere/mcp"}}}',
      /another server called "team".*--name/,
    ],
    ['another server of the name', 'codex', '[mcp_servers."team"]\nurl = "https://elsewhere/mcp"\n', /says otherwise already/],
    [
      'another variable',
      'codex',
      `[mcp_servers.team] # mine\nurl = '${ORIGIN}/mcp/team'\nbearer_token_env_var = "MINE" # key\n`,
      /= "MINE"/,
    ],
  ])('leaves a file with %s as it is (%s)', async (_what, name, before, message) => {
    const file = name === 'codex' ? '~/.codex/config.toml' : '.cursor/mcp.json';
    const box = await machine({ [file]: before });
    expect(await box.weir(name, 'team', '--write')).toBe(2);
    expect(box.lines.join('\n')).toMatch(message);
    expect(await box.read(file)).toBe(before);
    expect(await box.beside(file)).toHaveLength(1);
  });

  it('leaves another provider of models in its place', async () => {
    const before = 'model_provider = "mine" # really\n\n[model_providers.mine]\nname = "Mine"\n';
    const box = await machine({ '~/.codex/config.toml': before });
    expect(await box.weir('codex', 'team', '--write', '--llm')).toBe(2);
    expect(await box.read('~/.codex/config.toml')).toBe(before);
  });

  it('keeps what somebody added to the same server', async () => {
    const mine = { mcpServers: { team: { url: target.url, headers: { 'X-Mine': '1' }, timeout: 5 } } };
    const box = await machine({ '.cursor/mcp.json': JSON.stringify(mine) });
    expect(await box.weir('cursor', 'team', '--write')).toBe(0);
    expect(JSON.parse(await box.read('.cursor/mcp.json'))).toEqual({
      mcpServers: { team: { url: target.url, headers: { 'X-Mine': '1', Authorization: `Bearer \${env:WEIR_KEY}` }, timeout: 5 } },
    });
  });

  it.each<[string[], RegExp]>([
    [[], /needs a client: claude\|codex/],
    [['emacs', 'team'], /needs a client/],
    [['claude', 'team', 'more'], /too much/],
    [['claude'], /Say which MCP server/],
    [['cursor', 'team', '--llm'], /cannot be told of its models/],
    [['inspector', 'team', '--write'], /has no file/],
    [['claude', 'team', '--url', 'ftp://x'], /not the address/],
    [['claude', 'team', '--key-env', 'a b'], /not the name of a variable/],
  ])('%j is refused with what to do', async (args, message) => {
    const box = await machine();
    expect(await box.weir(...args)).toBe(2);
    expect(box.lines.join('\n')).toMatch(message);
  });
});
