import type { JsonObject } from '../../core/json.ts';
import { bearer, type Client, type FilePart, type JsonFile, keyOf, type Target } from './client.ts';
import { quoted } from './shell-words.ts';

/** A file of JSON that lists servers by their names. */
const listed = (path: string, section: string, { name }: Target, server: JsonObject): FilePart & { readonly content: JsonFile } => ({
  path,
  content: { form: 'json', value: { [section]: { [name]: server } }, server: [section, name] },
});

const shellKey = ({ key }: Target): string => ('value' in key ? key.value : `$${key.variable}`);

// https://code.claude.com/docs/en/mcp
const claude: Client = {
  name: 'claude',
  title: 'Claude Code',
  mcp: (target) =>
    listed('.mcp.json', 'mcpServers', target, { type: 'http', url: target.url, headers: bearer(target, (name) => `\${${name}}`) }),
  command: (target) =>
    `claude mcp add --transport http ${quoted(target.name)} ${quoted(target.url)} --header "Authorization: Bearer ${shellKey(target)}"`,
  llm: (target) => ({
    files: [
      {
        path: '.claude/settings.json',
        content: { form: 'json', value: { env: { ANTHROPIC_BASE_URL: target.origin, ANTHROPIC_MODEL: target.model } } },
      },
    ],
    environment: [['ANTHROPIC_AUTH_TOKEN', keyOf(target)]],
  }),
};

// https://developers.openai.com/codex/mcp and /codex/config-reference
const codex: Client = {
  name: 'codex',
  title: 'Codex',
  mcp: (target) => {
    const { key, name, url } = target;
    const opens = 'value' in key ? { http_headers: { Authorization: `Bearer ${key.value}` } } : { bearer_token_env_var: key.variable };
    return {
      path: '~/.codex/config.toml',
      content: { form: 'toml', keys: {}, tables: [{ path: ['mcp_servers', name], keys: { url, ...opens } }] },
    };
  },
  llm: (target) => {
    const { key, origin, model } = target;
    const opens = 'value' in key ? { http_headers: { Authorization: `Bearer ${key.value}` } } : { env_key: key.variable };
    const provider = { name: 'Weir', base_url: `${origin}/v1`, ...opens, wire_api: 'responses', supports_websockets: true };
    const content = {
      form: 'toml',
      keys: { model, model_provider: 'weir' },
      tables: [{ path: ['model_providers', 'weir'], keys: provider }],
    } as const;
    return { files: [{ path: '~/.codex/config.toml', content }], environment: [] };
  },
};

// https://cursor.com/docs/context/mcp
const cursor: Client = {
  name: 'cursor',
  title: 'Cursor',
  mcp: (target) =>
    listed('.cursor/mcp.json', 'mcpServers', target, { url: target.url, headers: bearer(target, (name) => `\${env:${name}}`) }),
};

const INPUT = 'weir-key';

// https://code.visualstudio.com/docs/copilot/reference/mcp-configuration
const vscode: Client = {
  name: 'vscode',
  title: 'VS Code',
  asksForKey: true,
  mcp: (target) => {
    const server = listed('.vscode/mcp.json', 'servers', target, {
      type: 'http',
      url: target.url,
      headers: bearer(target, () => `\${input:${INPUT}}`),
    });
    if ('value' in target.key) return server;
    const inputs = [{ type: 'promptString', id: INPUT, description: 'Key of the gateway', password: true }];
    return { ...server, content: { ...server.content, value: { inputs, ...server.content.value } } };
  },
};

// https://github.com/google-gemini/gemini-cli/blob/main/docs/tools/mcp-server.md
const gemini: Client = {
  name: 'gemini',
  title: 'Gemini CLI',
  mcp: (target) =>
    listed('~/.gemini/settings.json', 'mcpServers', target, { httpUrl: target.url, headers: bearer(target, (name) => `$${name}`) }),
  llm: (target) => ({
    files: [
      { path: '~/.gemini/settings.json', content: { form: 'json', value: { security: { auth: { selectedType: 'gemini-api-key' } } } } },
    ],
    environment: [
      ['GEMINI_API_KEY', keyOf(target)],
      ['GOOGLE_GEMINI_BASE_URL', target.origin],
      ['GEMINI_MODEL', target.model],
    ],
  }),
};

// https://opencode.ai/docs/mcp-servers and /docs/providers
const opencode: Client = {
  name: 'opencode',
  title: 'OpenCode',
  mcp: (target) =>
    listed('opencode.json', 'mcp', target, {
      type: 'remote',
      url: target.url,
      enabled: true,
      oauth: false,
      headers: bearer(target, (name) => `{env:${name}}`),
    }),
  llm: (target) => {
    const { key, origin, model } = target;
    const apiKey = 'value' in key ? key.value : `{env:${key.variable}}`;
    const weir = { npm: '@ai-sdk/openai-compatible', name: 'Weir', options: { baseURL: `${origin}/v1`, apiKey }, models: { [model]: {} } };
    const value = { $schema: 'https://opencode.ai/config.json', model: `weir/${model}`, provider: { weir } };
    return { files: [{ path: 'opencode.json', content: { form: 'json', value } }], environment: [] };
  },
};

// https://github.com/modelcontextprotocol/inspector
const inspector: Client = {
  name: 'inspector',
  title: 'MCP Inspector',
  command: (target) =>
    `npx @modelcontextprotocol/inspector --cli ${quoted(target.url)} --transport http --header "Authorization: Bearer ${shellKey(target)}" --method tools/list`,
};

export const clients: readonly Client[] = [claude, codex, cursor, vscode, inspector, gemini, opencode];
