import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { createInterface } from 'node:readline';

// Child processes: pinned to a core, measured by /proc, and ended when the benchmark ends.

const running = new Set();

const pins = os.availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;
/** Cores for the gateways and for everything else; `undefined` where the machine cannot pin. */
export const cores = { gateway: pins ? 0 : undefined, rest: pins ? 1 : undefined };

/** Moves this process, with the load generator in it, to its core. */
export function pinSelf() {
  if (pins) spawnSync('taskset', ['-a', '-c', '-p', String(cores.rest), String(process.pid)]);
}

/** Starts a command in a process group of its own. `stdio` is Node's; `core` pins it. */
export function start(command, args, { core, env = {}, stdio = ['ignore', 'ignore', 'inherit'] } = {}) {
  const whole = core === undefined ? [command, ...args] : ['taskset', '-c', String(core), command, ...args];
  const child = spawn(whole[0], whole.slice(1), { stdio, detached: true, env: { ...process.env, ...env } });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

export function stop(child) {
  if (!running.delete(child)) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

const stopAll = () => [...running].forEach(stop);
process.on('exit', stopAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

/** The first line of a child's output that `pick` makes something of. Rejects when the child ends before that. */
export function firstLine(child, stream, pick, ms = 20_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer from ${child.spawnfile} within ${ms} ms`)), ms);
    child.once('exit', (code) => reject(new Error(`${child.spawnargs.join(' ')} ended with ${code}`)));
    createInterface({ input: stream }).on('line', (line) => {
      const found = pick(line);
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
}

function read(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** Processes of a group: the child leads it, and what it spawns stays in it. */
function members(group) {
  return readdirSync('/proc').filter((pid) => {
    const stat = /^\d+$/.test(pid) ? read(`/proc/${pid}/stat`) : undefined;
    return stat !== undefined && Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) === group;
  });
}

/**
 * CPU time of every thread of a child's process group, nanoseconds by thread. The scheduler's own count
 * (proc(5), /proc/pid/schedstat) has no 10 ms ticks; utime + stime of /proc/pid/stat stands in where it is missing.
 */
export function cpuClock(child) {
  const times = new Map();
  for (const pid of members(child.pid)) {
    for (const thread of safeList(`/proc/${pid}/task`)) {
      const exact = read(`/proc/${pid}/task/${thread}/schedstat`);
      times.set(thread, exact === undefined ? ticks(pid, thread) : Number(exact.split(' ')[0]));
    }
  }
  return times;
}

function ticks(pid, thread) {
  const stat = read(`/proc/${pid}/task/${thread}/stat`);
  if (stat === undefined) return 0;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000_000;
}

function safeList(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Microseconds of CPU between two readings. */
export function cpuBetween(before, after) {
  let nanoseconds = 0;
  for (const [thread, time] of after) nanoseconds += Math.max(0, time - (before.get(thread) ?? 0));
  return nanoseconds / 1000;
}

/** Resident memory of a child's process group, MiB. */
export function residentMiB(child) {
  const kib = members(child.pid).map((pid) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0));
  return kib.reduce((sum, each) => sum + each, 0) / 1024;
}
