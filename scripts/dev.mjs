import { spawn } from 'node:child_process';
import path from 'node:path';
import { quiet, root } from './bundle.mjs';
import { localSecrets } from './local-secrets.mjs';

// `npm run dev`: the same Worker under `wrangler dev`, which reloads on every change. It reads .dev.vars only: put a
// provider's key there. State is shared with `npm start`; run one of them at a time.

localSecrets({});
const state = path.resolve(process.env.WEIR_STATE_DIR || path.join(root, '.weir', 'state'));
const wrangler = path.join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
const local = ['--local', '--persist-to', state];

function run(args) {
  const child = spawn(process.execPath, [wrangler, ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, ...quiet } });
  const pass = (signal) => child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      process.off('SIGINT', pass).off('SIGTERM', pass);
      resolve(code ?? 1);
    });
  });
}

const migrated = await run(['d1', 'migrations', 'apply', 'DB', ...local]);
process.exit(migrated === 0 ? await run(['dev', '--port', process.env.PORT || '8787', ...local, ...process.argv.slice(2)]) : migrated);
