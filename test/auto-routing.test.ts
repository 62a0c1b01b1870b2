import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const script = path.join(import.meta.dirname, '..', 'scripts', 'eval-auto.mjs');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-auto-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('the weights of the classifier are those that the script fits', async () => {
  expect((await run(process.execPath, [script, '--check'])).stdout).toBe('');
}, 120_000);

async function report(lines: readonly object[]): Promise<string> {
  const file = path.join(folder, 'calls.jsonl');
  await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  return (await run(process.execPath, [script, '--file', file])).stdout;
}

const bodyOf = (content: string) => ({ model: 'm', messages: [{ role: 'user', content }] });
const EASY = ['Hi!', 'Thanks', 'What does weir mean?', 'Translate "mercy" to French.'];
const HARD = [
  'Prove that √2 is irrational, step by step.',
  'Design a queue.\n- exactly once\n- at least 3 regions\n- compare two options',
  'Why does this deadlock? Explain each step.\n```\na.lock(); b.lock();\n```',
];

it('an operator is told what it is worth on calls of their own', async () => {
  const calls = [
    ...EASY.map((text) => ({ body: bodyOf(text), easy: true, hard: true })),
    ...HARD.map((text) => ({ body: { ...bodyOf(text), max_tokens: 9 }, dialect: 'anthropic', easy: false, hard: true })),
  ];
  const told = await report(calls);
  expect(told).toContain('7 calls\n');
  expect(told).toMatch(/ 0\.5 {8}43 %/);
  expect(told).toContain('AUC 1.00');
  expect(told).toMatch(/ 90 % {3}43 % \(chance: 90 %\)/);
}, 60_000);

it('and where it is worth nothing', async () => {
  const turned = [
    ...EASY.map((text) => ({ body: bodyOf(text), easy: 0, hard: 0 })),
    ...HARD.map((text) => ({ body: bodyOf(text), easy: 1, hard: 0.5 })),
  ];
  const told = await report([...turned, { body: 'nothing' }]);
  expect(told).toContain('1 could not be read');
  expect(told).toContain('Chance would do as well');
  expect(told).toContain('answers these calls no better');
  expect(await report([{ body: bodyOf('Hi') }])).toContain('is not known');
}, 60_000);
