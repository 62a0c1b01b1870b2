import path from 'node:path';
import { installed } from '../scratch.mjs';
import { launch } from './launch.mjs';

const VERSION = '2.1.329';

/** docs/recipes/coding-agents.md#claude-code */
export const claudeCode = {
  name: 'claude',
  title: `Claude Code ${VERSION}`,
  dialect: 'anthropic',
  model: (dialect) => `scripted-${dialect}`,
  steps: (file) => [{ Read: { file_path: file } }],
  async install() {
    const folder = await installed('claude-code', [`@anthropic-ai/claude-code@${VERSION}`]);
    // The package's own command is put there by an install script; the binary is in the package of the platform.
    return path.join(folder, 'node_modules', '@anthropic-ai', `claude-code-${process.platform}-${process.arch}`, 'claude');
  },
  async run(binary, { url, key, model, prompt, home, work }) {
    const { out, ...ended } = await launch(binary, ['-p', prompt, '--model', model, '--output-format', 'json', '--allowedTools', 'Read'], {
      cwd: work,
      env: {
        HOME: home,
        // The agent refuses to use tools as root unless it is told that it stands in a box of its own.
        IS_SANDBOX: '1',
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: key,
        ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      },
    });
    if (ended.code !== 0) return { ...ended, out };
    const { result, is_error, usage } = JSON.parse(out);
    return { ...ended, out, text: is_error ? undefined : result, usage: { input: usage.input_tokens, output: usage.output_tokens } };
  },
};
