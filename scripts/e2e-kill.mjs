import { killLane } from '../test/ledger/kill.ts';
import { judge } from '../test/ledger/kill-verdict.ts';

// `npm run e2e:kill`: kills the gateway under load, 50 times on the same state, and compares the accounts of its callers,
// of its vendor and its own.
//   KILLS     50
//   CALLERS   32 calls at the same time

const kills = Number(process.env.KILLS || 50);
const callers = Number(process.env.CALLERS || 32);
const history = await killLane({ kills, callers, load: [300, 1_500], random: Math.random, log: (line) => console.log(line) });
const verdict = judge(history);
const faults = ['withoutRow', 'withSeveralRows', 'mispriced', 'undercharged', 'overLimit', 'stuck', 'unbalanced'];
const back = history.back.toSorted((a, b) => a - b);

console.log(`
${kills} kills, ${history.calls.length} calls, ${history.rows.length} rows
  acknowledged        ${verdict.acknowledged}
  refused             ${verdict.refused}
  broken off          ${verdict.brokeOff}
  rows by status      ${JSON.stringify(verdict.statuses)}
  audit               ${history.audit.entries} entries, ${history.audit.acknowledged} changes acknowledged, faults: ${history.audit.faults.join('; ') || 'none'}
  places freed        ${history.placesFreed}
  back after          ${back[Math.floor(back.length / 2)]} ms (median), ${back.at(-1)} ms (longest)
${faults.map((fault) => `  ${fault.padEnd(20)}${verdict[fault].length}${verdict[fault].length === 0 ? '' : `: ${verdict[fault].slice(0, 5).join('; ')}`}`).join('\n')}
`);
process.exitCode = history.placesFreed && history.audit.faults.length === 0 && faults.every((fault) => verdict[fault].length === 0) ? 0 : 1;
