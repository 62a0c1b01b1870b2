import { asNumber, asString, isObject, type Json, type JsonObject, parseJson } from '../json.ts';
import { AUDIT_START, type AuditEntry, type AuditHead, auditPhases, type ChainFault, verifyChain } from './audit.ts';
import { type AuditCheckpoint, isSigned, type SignedCheckpoint } from './audit-checkpoint.ts';
import { canonicalJson } from './canonical.ts';

// An exported chain: one entry a line, oldest first, and in the last line `{"checkpoint": …}`, signed. Every line is the
// canonical JSON (RFC 8785) of what it says and ends in a line feed: there is one way to write a chain, so that every
// single byte of it is held by a hash or by the signature.

export const entryLine = (entry: AuditEntry): string => `${canonicalJson({ ...entry })}\n`;
export const checkpointLine = (checkpoint: SignedCheckpoint): string => `${canonicalJson({ checkpoint: { ...checkpoint } })}\n`;

export type FileFault =
  | ChainFault
  /** A line that is no entry, or is not written as one is. */
  | 'form'
  /** Entries of several chains. */
  | 'mixed'
  /** The file does not end in a checkpoint. */
  | 'cut'
  /** The checkpoint was not signed by the key that it names. */
  | 'signature'
  /** It was signed by another key than the one that is trusted. */
  | 'key'
  /** The chain is not the one that a checkpoint was kept of, or ends before it. */
  | 'rewritten';

export type FileVerdict =
  | {
      readonly whole: true;
      readonly chain: string;
      readonly entries: number;
      readonly checkpoint: SignedCheckpoint;
      /** Changes of which the file does not say how they ended. */
      readonly open: number;
    }
  | { readonly whole: false; readonly fault: FileFault; readonly line: number; readonly seq?: number };

export interface Trusted {
  /** The public key of the gateway, as base64url. Without it, that of the file counts. */
  readonly key?: string | undefined;
  /** Of the same chain, kept from before: the file must hold that entry, or begin after it. */
  readonly kept?: AuditCheckpoint | undefined;
}

/** Checks an exported chain with nothing but itself and what is trusted. Names the first line and entry that are wrong. */
export async function verifyFile(bytes: Uint8Array, { key, kept }: Trusted = {}): Promise<FileVerdict> {
  const read = readFile(bytes);
  if ('fault' in read) return read;
  const { entries, checkpoint } = read;
  const last = entries.length + 1;
  if (!(await isSigned(checkpoint))) return broken('signature', last);
  if (key !== undefined && checkpoint.key !== key) return broken('key', last);
  const stranger = entries.findIndex(({ chain }) => chain !== checkpoint.chain);
  const from = startOf(entries, kept);
  const verdict = await verifyChain(entries, from, checkpoint);
  if (!verdict.whole) return broken(verdict.fault, lineOf(verdict.seq, from, last), verdict.seq);
  if (stranger >= 0) return broken('mixed', stranger + 1, entries[stranger]?.seq);
  const overtaken = keptAgainst(entries, from, checkpoint, kept);
  if (overtaken !== undefined) return broken('rewritten', lineOf(overtaken, from, last), overtaken);
  return { whole: true, chain: checkpoint.chain, entries: entries.length, checkpoint, open: openIn(entries) };
}

const broken = (fault: FileFault, line: number, seq?: number): FileVerdict => ({
  ...{ whole: false, fault, line },
  ...(seq === undefined ? {} : { seq }),
});

const lineOf = (seq: number, from: AuditHead, last: number) => Math.min(Math.max(1, seq - from.seq), last);

/** A file may be the rest of a chain whose beginning was checked before. */
function startOf(entries: readonly AuditEntry[], kept: AuditCheckpoint | undefined): AuditHead {
  const first = entries[0];
  return kept !== undefined && (first === undefined ? kept.seq > 0 : first.seq > 1) ? { seq: kept.seq, hash: kept.hash } : AUDIT_START;
}

/** The entry at which the chain leaves what was kept of it; `undefined` where it does not. */
function keptAgainst(
  entries: readonly AuditEntry[],
  from: AuditHead,
  checkpoint: AuditCheckpoint,
  kept: AuditCheckpoint | undefined,
): number | undefined {
  if (kept === undefined) return undefined;
  if (kept.chain !== checkpoint.chain) return Math.min(1, checkpoint.seq);
  if (kept.seq === from.seq) return kept.hash === from.hash ? undefined : kept.seq;
  const same = entries[kept.seq - from.seq - 1];
  if (same === undefined) return checkpoint.seq + 1;
  return same.hash === kept.hash ? undefined : kept.seq;
}

function openIn(entries: readonly AuditEntry[]): number {
  const open = new Set<string>();
  for (const { change, phase } of entries) {
    if (phase === 'intent') open.add(change);
    else open.delete(change);
  }
  return open.size;
}

type ReadFile =
  | { readonly entries: readonly AuditEntry[]; readonly checkpoint: SignedCheckpoint }
  | Extract<FileVerdict, { readonly whole: false }>;

function readFile(bytes: Uint8Array): ReadFile {
  const entries: AuditEntry[] = [];
  for (let at = 0, line = 1; at < bytes.length; line++) {
    const end = bytes.indexOf(LINE_FEED, at);
    const value = end < 0 ? undefined : canonicalIn(bytes.subarray(at, end));
    const checkpoint = end === bytes.length - 1 ? checkpointIn(value) : undefined;
    if (checkpoint !== undefined) return { entries, checkpoint };
    const entry = entryIn(value);
    if (entry === undefined) return { whole: false, fault: 'form', line, seq: afterAll(entries) };
    entries.push(entry);
    at = end + 1;
  }
  return { whole: false, fault: 'cut', line: entries.length + 1, seq: afterAll(entries) };
}

const LINE_FEED = 0x0a;
const afterAll = (entries: readonly AuditEntry[]) => (entries.at(-1)?.seq ?? 0) + 1;

/** The value of a line that is written the one way there is. A mark at its begin is kept, and so found. */
function canonicalIn(line: Uint8Array): Json | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(line);
    const value = parseJson(text);
    return value !== undefined && canonicalJson(value) === text ? value : undefined;
  } catch {
    // No UTF-8, or a number that JSON has no way to write.
    return undefined;
  }
}

function entryIn(value: Json | undefined): AuditEntry | undefined {
  if (!isObject(value)) return undefined;
  const { seq, at, detail } = value;
  const phase = auditPhases.find((each) => each === value.phase);
  const texts = textsIn(value, ['chain', 'actor', 'action', 'subject', 'change', 'prev', 'hash']);
  if (texts === undefined || phase === undefined || !isObject(detail)) return undefined;
  if (asNumber(seq) === undefined || asNumber(at) === undefined) return undefined;
  // With whatever else stands there: it is hashed, and so found.
  return { ...value, ...texts, phase, detail, seq: Number(seq), at: Number(at) };
}

/** The checkpoint of a line, or of a file that holds one alone. */
export function checkpointIn(value: Json | undefined): SignedCheckpoint | undefined {
  if (!isObject(value) || !isObject(value.checkpoint) || Object.keys(value).length !== 1) return undefined;
  const { checkpoint } = value;
  const { seq, at } = checkpoint;
  const texts = textsIn(checkpoint, ['chain', 'hash', 'key', 'signature']);
  if (texts === undefined || asNumber(seq) === undefined || asNumber(at) === undefined) return undefined;
  return Object.keys(checkpoint).length === 6 ? { ...texts, seq: Number(seq), at: Number(at) } : undefined;
}

function textsIn<const Name extends string>(value: JsonObject, names: readonly Name[]): { readonly [name in Name]: string } | undefined {
  const texts = names.flatMap((name) => {
    const text = asString(value[name]);
    return text === undefined ? [] : [[name, text] as const];
  });
  return texts.length === names.length ? (Object.fromEntries(texts) as { readonly [name in Name]: string }) : undefined;
}
