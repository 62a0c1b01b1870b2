import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { folded } from '../../src/core/meaning/static/fold.ts';
import { eachWord } from '../../src/core/meaning/static/words.ts';
import { sources } from './sources.mjs';
import { templates } from './templates.mjs';

// Sentences for the teacher, the same ones in the same order every time.

const SHORTEST = 2;
/** The teacher's time grows with the length, and little is learnt from the end of a long text. */
const LONGEST = 96;

/** Numbers of 0…1, the same for a seed everywhere (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function shuffled(list, seed) {
  const next = random(seed);
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at -= 1) {
    const other = Math.floor(next() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}

/** How often a word comes that is learnt from alone as well: more often, its sentences say enough of it. */
const RARE = { least: 2, most: 12, words: 6000 };

/** Rare words of the texts, the more frequent first: a word that stands in two sentences is hardly learnt from them. */
function rareWords(texts) {
  const counts = new Map();
  for (const text of texts) {
    const line = folded(text);
    eachWord(line, (start, end) => {
      const word = line.slice(start, end);
      if (/^[a-z]{3}/.test(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
    });
  }
  const rare = [...counts].filter(([, count]) => count >= RARE.least && count <= RARE.most);
  rare.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return rare.slice(0, RARE.words).map(([word]) => word);
}

/** A repository at one commit, without a work tree: from `data`, or fetched into it. */
export function repository(data, { repository: name, commit }) {
  const folder = path.join(data, name.replace('/', '+'), 'repo');
  const found = [path.join(folder, '.git'), folder].find((each) => existsSync(path.join(each, 'HEAD')));
  const directory = found ?? folder;
  const git = (...args) =>
    execFileSync('git', ['--git-dir', directory, ...args], { encoding: 'utf8', maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = (paths) => {
    const input = paths.map((each) => `${commit}:${each}\n`).join('');
    return contents(execFileSync('git', ['--git-dir', directory, 'cat-file', '--batch'], { input, maxBuffer: 1 << 30 }));
  };
  if (found === undefined) {
    mkdirSync(directory, { recursive: true });
    console.log(`Fetching ${name} at ${commit}`);
    git('init', '--bare', '--quiet');
    git('fetch', '--quiet', '--depth', '1', `https://github.com/${name}`, commit);
  }
  const names = git('ls-tree', '-r', '--name-only', '-z', commit).split('\0');
  return { list: (pattern) => names.filter((each) => pattern.test(each)).sort(), texts, text: (each) => texts([each])[0] };
}

/** What `git cat-file --batch` answers: for each file a line that ends in its length, the bytes, and a line break. */
function contents(answer) {
  const found = [];
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf(10, at);
    const header = answer.toString('utf8', at, end);
    const length = Number(header.split(' ')[2]);
    if (!Number.isInteger(length)) throw new Error(`git has no such file: ${header}`);
    found.push(answer.toString('utf8', end + 1, end + 1 + length));
    at = end + length + 2;
  }
  return found;
}

const tidy = (text) => text.replace(/\s+/g, ' ').trim();

/** A long text gives its first part, up to the end of a word. */
function cut(text) {
  if (text.length <= LONGEST) return text;
  return text.slice(0, text.lastIndexOf(' ', LONGEST) > 0 ? text.lastIndexOf(' ', LONGEST) : LONGEST);
}

/**
 * @param {string} data A folder with `owner+name/repo` in it, bare or not.
 * @param {{ most?: number, seed: number }} options `most`: of all sentences that are learnt from, drawn at random.
 * @returns {{ train: string[], heldOut: string[], counts: { name: string, train: number, heldOut: number }[] }}
 */
export function corpus(data, { most = Number.POSITIVE_INFINITY, seed }) {
  const seen = new Set();
  const counts = [];
  const take = (texts, limit = Number.POSITIVE_INFINITY) => {
    const taken = [];
    for (const each of shuffled(texts, seed)) {
      const text = cut(tidy(each));
      const key = text.toLowerCase();
      if (taken.length >= limit || text.split(' ').length < SHORTEST || !/[a-z]{2}/i.test(text) || seen.has(key)) continue;
      seen.add(key);
      taken.push(text);
    }
    return taken;
  };
  const read = sources.map((source) => ({ source, ...source.read(repository(data, source)) }));
  // What is held out goes first: what is in both is not learnt from.
  const heldOut = read.map((each) => take(each.heldOut ?? []));
  const train = read.map((each) => take(each.train, each.source.most));
  for (const [at, { source }] of read.entries())
    counts.push({ name: source.repository, train: train[at].length, heldOut: heldOut[at].length });
  const own = take(templates(seed));
  counts.push({ name: 'generated', train: own.length, heldOut: 0 });
  const all = shuffled([...train.flat(), ...own], seed + 1);
  const taken = all.slice(0, most);
  return { train: [...taken, ...rareWords(taken)], heldOut: shuffled(heldOut.flat(), seed + 2), counts };
}
