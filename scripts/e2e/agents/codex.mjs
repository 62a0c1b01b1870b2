import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installed } from '../scratch.mjs';
import { jsonLines, launch } from './launch.mjs';

const VERSION = '0.169.0';
const TARGETS = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
};
/** By the beginning of a model's name the agent knows which tools it may offer. */
const FAMILY = 'gpt-5.5';

const agent = (name, title, overWebSocket) => ({
  name,
  title: `Codex ${VERSION}${title}`,
  dialect: 'openai-responses',
  overWebSocket,
  model: (dialect) => `${FAMILY}-${dialect}`,
  steps: () => [{ exec_command: { cmd: 'cat proof.txt' } }],
  // What only Responses has: a tool that takes a text, a search for tools, and a tool in the namespace of an MCP server.
  // The scripted vendor says function calls alone, so they are played where they are translated.
  ownSteps: () => [
    { apply_patch: { input: '*** Begin Patch\n*** Add File: made.txt\n+made by the agent\n*** End Patch\n' } },
    { tool_search: { query: 'proof' } },
    { mcp__proofs__read_proof: { which: 'this' } },
  ],
  made: 'made.txt',
  async install() {
    const folder = await installed('codex', [`@openai/codex@${VERSION}`]);
    const platform = `${process.platform}-${process.arch}`;
    return path.join(folder, 'node_modules', '@openai', `codex-${platform}`, 'vendor', TARGETS[platform], 'bin', 'codex');
  },
  async run(binary, { url, key, model, prompt, home, work }) {
    await mkdir(path.join(home, '.codex'));
    await writeFile(path.join(home, '.codex', 'config.toml'), settings(url, model, overWebSocket, path.join(work, 'proof.txt')));
    // The box that the agent puts commands in needs rights that a container may not have; the commands are our own.
    const args = ['exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt];
    const { out, ...ended } = await launch(binary, args, { cwd: work, env: { HOME: home, WEIR_KEY: key } });
    const events = jsonLines(out);
    const said = events.findLast(({ item }) => item?.type === 'agent_message')?.item;
    const { usage } = events.findLast(({ type }) => type === 'turn.completed') ?? {};
    return {
      ...ended,
      out,
      text: events.some(({ type }) => type === 'turn.failed') ? undefined : said?.text,
      usage: { input: usage?.input_tokens, output: usage?.output_tokens },
    };
  },
});

const settings = (url, model, overWebSocket, file) => `model = "${model}"
model_provider = "weir"

[model_providers.weir]
name = "Weir"
base_url = "${url}/v1"
env_key = "WEIR_KEY"
wire_api = "responses"
supports_websockets = ${overWebSocket}

[mcp_servers.proofs]
command = ${JSON.stringify(process.execPath)}
args = ${JSON.stringify([path.join(import.meta.dirname, 'mcp-server.mjs'), file])}
`;

/** docs/recipes/coding-agents.md#codex */
export const codex = agent('codex', '', false);
export const codexWebSocket = agent('codex', ' over WebSocket', true);
