import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { ask, makeFamily, makeKey } from '../tenants.ts';
import { weirAt } from '../weir-command.ts';

let gateway: TestGateway;
let folder: string;
let org: string;
let app: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  folder = await mkdtemp(path.join(os.tmpdir(), 'weir-audit-'));
  ({ org, app } = await makeFamily(gateway, 'audited'));
  const { id } = await makeKey(gateway, { app, name: 'k' });
  await ask(gateway, 'POST', `/keys/${id}/rotate`, {});
});
afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** `offline`: with no gateway to ask, and nothing to ask it with. */
const weir = (args: readonly string[], offline = false) =>
  weirAt(offline ? 'http://127.0.0.1:1' : gateway.url, ['audit', ...args], offline ? { WEIR_ADMIN_TOKEN: '' } : {});

/** Writes what a command has put out. */
async function kept(name: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await weir(args);
  if (code !== 0) throw new Error(err);
  const file = path.join(folder, name);
  await writeFile(file, out);
  return file;
}

async function spoilt(file: string, change: (text: string) => string): Promise<string> {
  const other = path.join(folder, 'spoilt.jsonl');
  const text = await readFile(file, 'utf8');
  expect(change(text)).not.toBe(text);
  await writeFile(other, change(text));
  return other;
}

describe('weir audit', () => {
  it('exports a chain that is verified without a gateway, and names what was done to it', { timeout: 90_000 }, async () => {
    const key = (await weir(['key'])).out.trim();
    const checkpoint = await kept('checkpoint.json', ['checkpoint', '--org', 'audited']);
    await ask(gateway, 'PATCH', `/apps/${app}`, { disabled: true });
    const file = await kept('audit.jsonl', ['export', '--org', org]);

    const whole = await weir(['verify', file, '--key', key, '--checkpoint', checkpoint], true);
    expect(whole).toEqual({
      code: 0,
      err: '',
      out: expect.stringMatching(`^Whole: entries 1 to 12 of ${org}, signed at \\d{4}-\\S+Z\\.\n$`),
    });
    expect((await weir(['verify', file], true)).out).toContain(`Signed by ${key}: compare it`);

    const lines = (text: string) => text.split('\n');
    const broken: readonly [(text: string) => string, RegExp][] = [
      [(text) => text.replace('"action":"app.create"', '"action":"app.delete"'), /^Broken at entry 5 \(line 5\): .*changed/],
      [(text) => lines(text).toSpliced(6, 1).join('\n'), /^Broken at entry 7 \(line 7\): it is missing/],
      [
        (text) =>
          lines(text)
            .toSpliced(2, 2, lines(text)[3] ?? '', lines(text)[2] ?? '')
            .join('\n'),
        /^Broken at entry 3 \(line 3\)/,
      ],
      [(text) => text.slice(0, -200), /^Broken at entry 13 \(line 13\): /],
      [(text) => lines(text).toSpliced(8, 4).join('\n'), /^Broken at entry 9 \(line 9\): it is missing/],
    ];
    for (const [change, said] of broken) {
      expect(await weir(['verify', await spoilt(file, change), '--key', key], true)).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(said),
      });
    }
    const other = await weir(['verify', file, '--key', 'A'.repeat(43)], true);
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining('another key') });

    const rest = await kept('rest.jsonl', ['export', '--org', org, '--after', '10']);
    expect((await weir(['verify', rest, '--checkpoint', checkpoint], true)).out).toMatch(/^Whole: entries 11 to 12 /);
    expect((await weir(['verify', rest], true)).err).toMatch(/^Broken at entry 1 \(line 1\): it is missing/);
  });

  it('exports the chain of the deployment', async () => {
    const file = await kept('deployment.jsonl', ['export']);
    expect((await weir(['verify', file], true)).out).toMatch(/^Whole: entries 1 to \d+ of deployment,/);
  });

  it.each<[string[], number, RegExp]>([
    [['verify'], 2, /needs one file/],
    [['verify', 'a', 'b'], 2, /needs one file/],
    [['verify', '/nowhere/at/all'], 2, /ENOENT/],
    [['verify', 'package.json'], 1, /^Broken at entry 1 \(line 1\): it is not an entry/],
    [['verify', 'package.json', '--checkpoint', 'package.json'], 2, /does not end in a checkpoint/],
    [['verify', 'x', '--wat'], 2, /--wat/],
    [['wat'], 2, /no command "audit wat"/],
    [['export', '--org', 'nobody'], 1, /no organisation/],
    [['export', 'more'], 2, /too much/],
  ])('%j is refused with %i', async (args, code, said) => {
    expect(await weir(args)).toMatchObject({ code, out: '', err: expect.stringMatching(said) });
  });
});
