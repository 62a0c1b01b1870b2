import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { answeringVendor } from './e2e/answering-vendor.mjs';
import { gatewayWith, installed, KEY, steps } from './e2e/scratch.mjs';

// `npm run e2e:open-responses`: the compliance tests of Open Responses (https://github.com/openresponses/openresponses)
// against the gateway, in front of a vendor of Chat Completions and of one of Anthropic's Messages: everything that a
// response is and remembers is then the gateway's own work. The tests are in no npm registry:
//   OPEN_RESPONSES_DIR   a checkout of that repository
// An extra: it is no part of `npm run check`.

const PACKAGES = ['tsx@4.23.15', 'zod@3.25.76', 'ws@8.23.0'];
const source = process.env.OPEN_RESPONSES_DIR;
if (source === undefined || !existsSync(path.join(source, 'bin', 'compliance-test.ts'))) {
  console.error(
    'Set OPEN_RESPONSES_DIR to a checkout of https://github.com/openresponses/openresponses: its tests are in no npm registry.',
  );
  process.exit(1);
}

/** The tests with the packages they need, in a folder of their own: the checkout stays as it is. */
async function prepared() {
  const packages = await installed('open-responses', PACKAGES);
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-e2e-open-responses-'));
  await Promise.all([
    cp(path.join(source, 'bin'), path.join(folder, 'bin'), { recursive: true }),
    cp(path.join(source, 'src'), path.join(folder, 'src'), { recursive: true }),
    symlink(path.join(packages, 'node_modules'), path.join(folder, 'node_modules')),
    writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n'),
    // The tests open WebSockets with headers, as Bun's own take them; Node's do not.
    writeFile(path.join(folder, 'websocket.mjs'), "import { WebSocket } from 'ws';\nglobalThis.WebSocket = WebSocket;\n"),
  ]);
  return folder;
}

function run(folder, url, model) {
  const tsx = path.join(folder, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  const args = [
    '--import',
    path.join(folder, 'websocket.mjs'),
    'bin/compliance-test.ts',
    '-u',
    `${url}/v1`,
    '-k',
    KEY,
    '-m',
    model,
    '--json',
  ];
  const child = spawn(process.execPath, [tsx, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  return Promise.all([child.stdout.toArray(), new Promise((resolve) => child.once('close', resolve))]).then(([out]) =>
    JSON.parse(Buffer.concat(out).toString()),
  );
}

async function complies(folder, gateway, model) {
  const { results, summary } = await run(folder, gateway.url, model);
  const failed = results.filter(({ status }) => status === 'failed');
  if (failed.length > 0) {
    throw new Error(failed.map(({ id, errors }) => `${id}: ${errors?.join('; ')}`).join('\n'));
  }
  return `${summary.passed} of ${summary.total}`;
}

const folder = await prepared();
const vendor = await answeringVendor();
const gateway = await gatewayWith({
  providers: {
    chat: { like: 'openai', baseUrl: `${vendor.origin}/v1`, dialects: ['openai-chat'], key: { value: 'k' } },
    messages: { like: 'anthropic', baseUrl: vendor.origin, key: { value: 'k' } },
  },
});
try {
  await steps([
    ['a vendor of Chat Completions', () => complies(folder, gateway, 'chat/m')],
    ['a vendor of Messages', () => complies(folder, gateway, 'messages/m')],
  ]);
} finally {
  vendor.stop();
  await gateway.stop();
  await rm(folder, { recursive: true, force: true });
}
