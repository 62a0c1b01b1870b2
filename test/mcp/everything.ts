import { spawn } from 'node:child_process';
import path from 'node:path';
import { until } from '../gateway.ts';
import { closedPort } from '../ports.ts';

/** The servers that people run, as npm has them. */
export const servers = path.join(import.meta.dirname, '..', '..', 'node_modules', '@modelcontextprotocol');

export interface Everything {
  readonly url: string;
  close(): void;
}

/** `server-everything` in a process of its own, over either of its transports. */
export async function startEverything(transport: 'streamableHttp' | 'sse' = 'streamableHttp'): Promise<Everything> {
  const port = await closedPort();
  const child = spawn(process.execPath, [path.join(servers, 'server-everything', 'dist', 'index.js'), transport], {
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  await until(answers, 20_000, 'server-everything');
  return { url: `http://127.0.0.1:${port}/${transport === 'sse' ? 'sse' : 'mcp'}`, close: () => void child.kill() };
}
