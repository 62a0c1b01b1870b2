import { readdirSync, readFileSync } from 'node:fs';

// CPU time of another process's threads, from Linux's /proc.

/** Ids of this process's own children with a name. */
export function childProcesses(name) {
  return readdirSync('/proc')
    .filter((id) => /^\d+$/.test(id))
    .filter((id) => {
      const stat = read(`/proc/${id}/stat`);
      // `id (name) state parent …`; a name may hold blanks and brackets.
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return stat.includes(`(${name})`) && Number(parent) === process.pid;
    });
}

/** Begins to measure; what it returns says how many milliseconds the busiest thread has worked since. */
export function busiestThread(id) {
  const before = threadsOf(id);
  return () => Math.max(...[...threadsOf(id)].map(([thread, spent]) => spent - (before.get(thread) ?? 0))) / 1e6;
}

/** Nanoseconds on a processor, by thread. */
function threadsOf(id) {
  return new Map(
    readdirSync(`/proc/${id}/task`).map((thread) => [thread, Number(read(`/proc/${id}/task/${thread}/schedstat`).split(' ')[0] ?? 0)]),
  );
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It has ended since.
    return '';
  }
}
