import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installed } from '../scratch.mjs';
import { launch } from './launch.mjs';

const VERSION = '0.61.0';

/** docs/recipes/coding-agents.md#gemini-cli */
export const geminiCli = {
  name: 'gemini',
  title: `Gemini CLI ${VERSION}`,
  dialect: 'gemini',
  model: (dialect) => `scripted-${dialect}`,
  steps: (file) => [{ read_file: { file_path: file } }],
  async install() {
    const folder = await installed('gemini-cli', [`@google/gemini-cli@${VERSION}`]);
    return path.join(folder, 'node_modules', '@google', 'gemini-cli', 'bundle', 'gemini.js');
  },
  async run(script, { url, key, model, prompt, home, work }) {
    await mkdir(path.join(home, '.gemini'));
    await writeFile(path.join(home, '.gemini', 'settings.json'), JSON.stringify(SETTINGS));
    const { out, ...ended } = await launch(process.execPath, [script, '-p', prompt, '-m', model, '--output-format', 'json'], {
      cwd: work,
      env: { HOME: home, GEMINI_API_KEY: key, GOOGLE_GEMINI_BASE_URL: url, GEMINI_CLI_TRUST_WORKSPACE: 'true' },
    });
    if (ended.code !== 0) return { ...ended, out };
    const { response, error, stats } = JSON.parse(out);
    const tokens = Object.values(stats.models).map((each) => each.tokens);
    const sum = (field) => tokens.reduce((all, each) => all + each[field], 0);
    return { ...ended, out, text: error === undefined ? response : undefined, usage: { input: sum('prompt'), output: sum('candidates') } };
  },
};

const SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  general: { disableAutoUpdate: true, enableAutoUpdate: false },
};
