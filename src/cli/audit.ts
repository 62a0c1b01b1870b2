import { parseArgs } from 'node:util';
import { parseJson } from '../core/json.ts';
import { isSigned, type SignedCheckpoint } from '../core/ledger/audit-checkpoint.ts';
import { checkpointIn, type FileFault, type FileVerdict, verifyFile } from '../core/ledger/audit-file.ts';
import type { AdminClient } from './client.ts';
import { Misuse, type Shell } from './shell.ts';

export const AUDIT_HELP = `  weir audit export     [--org <org>] [--after <n>]     a chain as JSON lines, signed at its end
  weir audit checkpoint [--org <org>]                    what the chain is now, signed: keep it elsewhere
  weir audit key                                         the public key that signs
  weir audit verify <file> [--key <public key>] [--checkpoint <file>]    without any gateway`;

const text = { type: 'string' } as const;
const options = { org: text, after: text, key: text, checkpoint: text } as const;

/** What is wrong, for people. */
const FAULTS: { readonly [fault in FileFault]: string } = {
  changed: 'it is not what was written: something in it was changed',
  missing: 'it is missing',
  moved: 'it is not where it belongs',
  replaced: 'another one was written in its place',
  form: 'it is not an entry as it is exported',
  mixed: 'it is of another chain than the checkpoint',
  cut: 'the file ends here, without a checkpoint',
  signature: 'the checkpoint is not what was signed',
  key: 'the checkpoint was signed by another key than --key',
  rewritten: 'the chain is not the one that --checkpoint was kept of',
};

/** Runs `weir audit …`; returns the exit code. `client` is asked for by those commands alone that need a gateway. */
export async function runAudit(args: readonly string[], shell: Shell, client: () => AdminClient): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  const [verb = '', ...rest] = positionals;
  const { org, after, key, checkpoint } = values;
  if (verb === 'verify') {
    const [file, more] = rest;
    if (file === undefined || more !== undefined) throw new Misuse('weir audit verify needs one file.');
    return verify(
      await shell.read(file),
      { key, kept: checkpoint === undefined ? undefined : await keptIn(checkpoint, key, shell) },
      shell,
    );
  }
  if (rest.length > 0) throw new Misuse(`"${rest.join(' ')}" is too much.`);
  if (verb === 'export') await client().stream('/audit/export', given({ org, after }), (bytes) => shell.write(bytes));
  else if (verb === 'checkpoint') await client().stream('/audit/checkpoint', given({ org }), (bytes) => shell.write(bytes));
  else if (verb === 'key') shell.out((await client().auditKey()).key);
  else throw new Misuse(`There is no command "audit ${verb}". weir --help lists them.`);
  return 0;
}

function given(query: { readonly [name: string]: string | undefined }): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

interface Trust {
  readonly key: string | undefined;
  readonly kept: SignedCheckpoint | undefined;
}

async function verify(bytes: Uint8Array, trust: Trust, shell: Shell): Promise<number> {
  const verdict = await verifyFile(bytes, trust);
  if (!verdict.whole) {
    shell.err(broken(verdict));
    return 1;
  }
  const { chain, entries, checkpoint, open } = verdict;
  const range = entries === 0 ? 'no entries' : `entries ${checkpoint.seq - entries + 1} to ${checkpoint.seq}`;
  shell.out(`Whole: ${range} of ${chain}, signed at ${new Date(checkpoint.at).toISOString()}.`);
  if (trust.key === undefined) shell.out(`Signed by ${checkpoint.key}: compare it with the key of the gateway, or give it as --key.`);
  if (open > 0) shell.out(`${open} of the changes were begun and had not ended when this was exported.`);
  return 0;
}

function broken({ fault, line, seq }: Extract<FileVerdict, { readonly whole: false }>): string {
  const where = seq === undefined ? `line ${line}` : `entry ${seq} (line ${line})`;
  return `Broken at ${where}: ${FAULTS[fault]}.`;
}

/** The checkpoint of a file: an export, or the answer to `weir audit checkpoint`. */
async function keptIn(file: string, key: string | undefined, shell: Shell): Promise<SignedCheckpoint> {
  const written = new TextDecoder().decode(await shell.read(file)).trimEnd();
  const kept = checkpointIn(parseJson(written.slice(written.lastIndexOf('\n') + 1)));
  if (kept === undefined) throw new Misuse(`${file} does not end in a checkpoint.`);
  if (!(await isSigned(kept)) || (key !== undefined && kept.key !== key))
    throw new Misuse(`The checkpoint in ${file} is not signed as it should be.`);
  return kept;
}
