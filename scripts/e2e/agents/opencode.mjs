import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installed } from '../scratch.mjs';
import { jsonLines, launch } from './launch.mjs';

const VERSION = '1.18.33';

const agent = (title, dialect, npm) => ({
  name: 'opencode',
  title: `OpenCode ${VERSION}${title}`,
  dialect,
  model: (dialect) => `scripted-${dialect}`,
  steps: (file) => [{ read: { filePath: file } }],
  async install() {
    const folder = await installed('opencode', [`opencode-ai@${VERSION}`]);
    return path.join(folder, 'node_modules', `opencode-${process.platform}-${process.arch}`, 'bin', 'opencode');
  },
  async run(binary, { url, key, model, prompt, home, work }) {
    await writeFile(path.join(work, 'opencode.json'), JSON.stringify(settings(url, model, npm)));
    const { out, ...ended } = await launch(binary, ['run', '--format', 'json', prompt], {
      cwd: work,
      env: { HOME: home, WEIR_KEY: key, OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_AUTOUPDATE: '1' },
    });
    const events = jsonLines(out);
    const said = events.findLast(({ type }) => type === 'text')?.part.text;
    const tokens = events.flatMap(({ type, part }) => (type === 'step_finish' ? [part.tokens] : []));
    const sum = (field) => tokens.reduce((all, each) => all + each[field], 0);
    return {
      ...ended,
      out,
      text: events.some(({ type }) => type === 'error') ? undefined : said,
      usage: { input: sum('input'), output: sum('output') },
    };
  },
});

const settings = (url, model, npm) => ({
  $schema: 'https://opencode.ai/config.json',
  model: `weir/${model}`,
  provider: {
    weir: {
      npm,
      name: 'Weir',
      options: { baseURL: `${url}/v1`, apiKey: '{env:WEIR_KEY}' },
      models: { [model]: {} },
    },
  },
});

/** docs/recipes/coding-agents.md#opencode */
export const opencode = agent('', 'openai-chat', '@ai-sdk/openai-compatible');
export const opencodeMessages = agent(' over messages', 'anthropic', '@ai-sdk/anthropic');
