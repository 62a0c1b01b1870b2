import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { root } from './bundle.mjs';

// The local secrets file, ignored by git and read by `wrangler dev` too.

const file = path.join(root, '.dev.vars');
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** 256 random bits as 43 characters of base 62. */
function randomBase62() {
  let left = BigInt(`0x${randomBytes(32).toString('hex')}`);
  let text = '';
  for (let at = 0; at < 43; at++) {
    text += BASE62[Number(left % 62n)];
    left /= 62n;
  }
  return text;
}

const wanted = {
  WEIR_ENV: () => 'local',
  WEIR_ADMIN_TOKEN: () => `weir_admin_${randomBase62()}`,
  WEIR_DEV_KEY: () => `weir_dev_${randomBase62()}`,
  WEIR_SECRET: () => randomBase62(),
};

/**
 * What the file holds, after adding what it lacks. A secret that the environment gives is not written.
 * @returns {Record<string, string>}
 */
export function localSecrets(environment = process.env) {
  const before = read();
  const kept = parseEnv(before);
  const made = Object.entries(wanted)
    .filter(([name]) => !kept[name] && !environment[name])
    .map(([name, make]) => [name, make()]);
  if (made.length > 0) {
    const lines = made.map(([name, value]) => `${name}=${value}\n`).join('');
    writeFileSync(file, before === '' || before.endsWith('\n') ? before + lines : `${before}\n${lines}`, { mode: 0o600 });
  }
  return { ...kept, ...Object.fromEntries(made) };
}

function read() {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** What of the environment a gateway may hold: its own secrets, and the keys that a configuration can name. */
export function environmentSecrets(environment = process.env) {
  const named = Object.entries(environment).filter(
    ([name, value]) =>
      value && (/^WEIR_(?:ADMIN_TOKEN|METRICS_TOKEN|SECRET|SECRET_PREVIOUS)$/.test(name) || /^[A-Z][A-Z0-9_]*_KEY$/.test(name)),
  );
  return Object.fromEntries(named);
}
