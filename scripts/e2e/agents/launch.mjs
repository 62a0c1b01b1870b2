import { spawn } from 'node:child_process';

/**
 * Runs an agent's command to its end.
 * @returns {Promise<{ out: string, err: string, code: number | null }>} `code` is null where it was stopped for taking too long.
 */
export async function launch(binary, args, { cwd, env, ms = 120_000 }) {
  const child = spawn(binary, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, ...env } });
  const timer = setTimeout(() => child.kill('SIGKILL'), ms);
  const [out, err, code] = await Promise.all([
    child.stdout.toArray(),
    child.stderr.toArray(),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  clearTimeout(timer);
  return { out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString(), code };
}

/** The lines of an output that are JSON. */
export const jsonLines = (text) =>
  text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
