import { runChaos, tell } from '../test/chaos/chaos.ts';

// `npm run e2e:chaos`: vendors that fail in turns under load, for longer than in the tests, once for each strategy.
//   WEIR_CHAOS_SECONDS     600 of flapping
//   WEIR_CHAOS_CALLERS     32 calls at the same time
//   WEIR_CHAOS_STRATEGIES  failover,weighted,latency
//   WEIR_CHAOS_SEED        by chance

const seconds = Number(process.env.WEIR_CHAOS_SECONDS || 600);
const callers = Number(process.env.WEIR_CHAOS_CALLERS || 32);
const strategies = (process.env.WEIR_CHAOS_STRATEGIES || 'failover,weighted,latency').split(',');
const seed = Number(process.env.WEIR_CHAOS_SEED || Math.floor(Math.random() * 2 ** 32));

for (const strategy of strategies) {
  const report = await runChaos({ seed, strategy, flapping: seconds * 1_000, callers });
  const bound = report.firstToken + report.healthy.p99;
  const broken = [
    report.resuming.served / report.resuming.calls < 0.999 && 'fewer than 999 of 1,000 calls that may be resumed were served',
    report.plain.served / (report.plain.calls - report.plain.brokeOff.length) < 0.999 && 'fewer than 999 of 1,000 others were served',
    report.resuming.wrong.length + report.plain.wrong.length > 0 && 'answers were wrong',
    report.attempts > 1.2 * report.calls + 10 * report.seconds && 'vendors were asked too often',
    report.chaos.p99 > bound && `99 of 100 answers began within ${report.chaos.p99} ms, not ${bound}`,
    !(report.after.alpha > 0) && 'a vendor that is well again is not asked',
  ].filter((each) => each !== false);
  console.log(`\n${strategy}, seed ${seed}: ${tell(report)}\n  ${broken.length === 0 ? 'all held' : `BROKEN: ${broken.join('; ')}`}`);
  if (broken.length > 0) process.exitCode = 1;
}
