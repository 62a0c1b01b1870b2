// A gateway as a process of its own, and of a process group of its own, so that all of it can be killed at one blow:
// node test/ledger/gateway-process.mjs <folder of its state> <secrets as JSON>
import { startGateway } from '../../scripts/gateway.mjs';

const [stateDir, secrets] = process.argv.slice(2);
const gateway = await startGateway({
  port: 0,
  stateDir,
  secrets: JSON.parse(secrets),
  log: (line, level) => level === 'error' && console.error(line),
});
process.on('SIGTERM', () => gateway.stop().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ url: gateway.url })}\n`);
