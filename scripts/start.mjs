import path from 'node:path';
import { root } from './bundle.mjs';
import { PortBusy, startGateway } from './gateway.mjs';
import { environmentSecrets, localSecrets } from './local-secrets.mjs';

// `npm start`: the gateway on this machine, without an account, a network or a provider's key.
//   PORT              8787
//   WEIR_STATE_DIR    where local databases live; .weir/state in the checkout
//   WEIR_ADMIN_TOKEN, WEIR_DEV_KEY, WEIR_SECRET   made once and kept in .dev.vars where absent
//   OPENAI_API_KEY, …, and every other *_KEY   handed to the gateway, for providers to name

const port = Number(process.env.PORT || 8787);
const stateDir = path.resolve(process.env.WEIR_STATE_DIR || path.join(root, '.weir', 'state'));

function fail(message) {
  console.error(message);
  process.exit(1);
}

if (!Number.isInteger(port) || port < 0 || port > 65535) fail(`PORT must be a port number, not "${process.env.PORT}".`);

const secrets = { ...localSecrets(), ...environmentSecrets() };
const gateway = await startGateway({
  port,
  stateDir,
  secrets,
  log: (line, level) => (level === 'error' || level === 'warn' ? console.error(line) : console.log(line)),
}).catch((error) => fail(error instanceof PortBusy ? error.message : (error.stack ?? error.message)));

let stopping = false;
function stop() {
  if (stopping) return;
  stopping = true;
  gateway.stop().then(
    () => process.exit(0),
    (error) => fail(error.message),
  );
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// npm starts a shell in between that does not pass signals on: when it is gone, so is who asked for the gateway.
if (process.env.npm_lifecycle_event === 'start') {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop(), 500).unref();
}

const url = `http://localhost:${gateway.port}`;
console.log(`
  Weir          ${url}
  Admin API     ${url}/admin/v1   (bearer WEIR_ADMIN_TOKEN, in .dev.vars)
  Key           ${secrets.WEIR_DEV_KEY}

  Try it, no provider needed:

  curl -N ${url}/v1/chat/completions \\
    -H 'authorization: Bearer ${secrets.WEIR_DEV_KEY}' -H 'content-type: application/json' \\
    -d '{"model":"sandbox/echo","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
`);
