import { GatewayError } from '../../../../core/errors.ts';
import type { Json, JsonObject } from '../../../../core/json.ts';
import type { CarriedFile, CarriedForm } from '../../../../core/operation.ts';
import type { Ports } from '../../../../core/ports.ts';
import { ByteReader } from '../../../../core/reader.ts';
import { joinBytes } from '../../../../core/sse.ts';
import { badForm, type PartHead } from './part-head.ts';
import { FormScanner, type Piece } from './scanner.ts';

const READ = 64 * 1024;
/** Bytes of a file that tell its format. */
const HEAD = 64;
const encoder = new TextEncoder();

/** A text field that was read whole. */
interface Field {
  readonly name: string;
  readonly value: string;
}

/** Bytes of a file. */
interface FileBytes {
  readonly file: string;
  readonly filename: string;
  /** Counts the files of the form: two may stand in one field. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

type Held = Uint8Array | Field | FileBytes;

/**
 * A multipart form that is read only as far as it must be: until the fields that somebody needs are known. What was read
 * is held, what was not flows through. A form whose fields come after its files is held whole, up to a limit.
 */
export class Form implements CarriedForm {
  readonly #source: ByteReader;
  readonly #scanner: FormScanner;
  readonly #limit: number;
  /** What was read, in order; bare bytes are what stands between the contents. */
  readonly #held: Held[] = [];
  #heldBytes = 0;
  /** The text field that is being read. */
  #open: { readonly name: string; readonly pieces: Uint8Array[] } | undefined;
  /** The file that is being read. */
  #file: Pick<FileBytes, 'file' | 'filename' | 'number'> = { file: '', filename: '', number: 0 };
  readonly #names = new Map<string, 'text' | 'file'>();
  #spent = false;
  /** What was wrong with bytes that had left already: the provider's connection was cut for it. */
  fault: GatewayError | undefined;

  private constructor(
    readonly contentType: string,
    readonly declared: number | undefined,
    body: ReadableStream<Uint8Array>,
    boundary: string,
    limit: number,
  ) {
    this.#source = new ByteReader(body);
    this.#scanner = new FormScanner(boundary);
    this.#limit = limit;
  }

  /** `limit`: bytes that may be held. Throws `invalid_request`, `unsupported_media_type`. */
  static of(request: Request, limit: number): Form {
    const contentType = request.headers.get('content-type') ?? '';
    const boundary = boundaryOf(contentType);
    if (request.body === null) throw badForm('it is empty');
    const declared = request.headers.get('content-length');
    return new Form(contentType, declared === null ? undefined : Number(declared), request.body, boundary, limit);
  }

  /** Whether the whole form is here, so that it can be sent more than once. */
  get isHeld(): boolean {
    return this.#scanner.isComplete && this.#open === undefined;
  }

  get fits(): boolean {
    return this.isHeld || (this.declared !== undefined && this.declared <= this.#limit);
  }

  /** The text fields known so far; a name that may stand several times (`…[]`) is a list. */
  get fields(): JsonObject {
    const fields: Record<string, Json> = {};
    for (const each of this.#held) {
      if (!('value' in each)) continue;
      const { name, value } = each;
      const before = fields[name];
      if (!name.endsWith('[]')) fields[name] = value;
      else fields[name] = [...(Array.isArray(before) ? before : []), value];
    }
    return fields;
  }

  get files(): readonly CarriedFile[] {
    const files = new Map<number, { field: string; filename: string; bytes: number; head: Uint8Array }>();
    for (const each of this.#held) {
      if (!('file' in each)) continue;
      const { file: field, filename, number, bytes } = each;
      const before = files.get(number) ?? { field, filename, bytes: 0, head: new Uint8Array(0) };
      const head = before.head.length < HEAD ? joinBytes(before.head, bytes.subarray(0, HEAD - before.head.length)) : before.head;
      files.set(number, { field, filename, bytes: before.bytes + bytes.length, head });
    }
    return [...files.values()];
  }

  /** The text of the files of this name in a form that is held. Throws `invalid_request` where it is not UTF-8. */
  fileText(name: string): string {
    return textOf(
      name,
      this.#held.flatMap((each) => ('file' in each && each.file === name ? [each.bytes] : [])),
    );
  }

  /** Reads on until these fields are known, or to the end. Throws `request_too_large` where that takes too much room. */
  async readUntil(names: readonly string[], why: string): Promise<void> {
    const isKnown = (name: string) => this.#held.some((each) => 'value' in each && each.name === name);
    while (!this.isHeld && !names.every(isKnown)) await this.#readOn(why);
  }

  /** Reads all of it. */
  async hold(why: string): Promise<void> {
    while (!this.isHeld) await this.#readOn(why);
  }

  async #readOn(why: string): Promise<void> {
    const bytes = await this.#source.read(READ);
    if (bytes === undefined) return this.#scanner.finish();
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#limit) {
      this.#source.leave();
      throw new GatewayError('request_too_large', `The form is larger than the ${this.#limit} bytes that may be held, and ${why}.`);
    }
    for (const piece of this.#scanner.push(bytes)) this.#keep(piece);
  }

  #keep(piece: Piece): void {
    const field = this.#open;
    if (piece.type === 'body' && field !== undefined) {
      field.pieces.push(piece.bytes);
      return;
    }
    if (field !== undefined) {
      this.#held.push({ name: field.name, value: textOf(field.name, field.pieces) });
      this.#open = undefined;
    }
    this.#held.push(piece.type === 'body' ? { ...this.#file, bytes: piece.bytes } : piece.bytes);
    if (piece.type === 'head') {
      this.#note(piece.head);
      this.#file = { file: piece.head.name, filename: piece.head.filename ?? '', number: this.#file.number + 1 };
      if (piece.head.filename === undefined) this.#open = { name: piece.head.name, pieces: [] };
    }
  }

  /** Servers differ in which one of two fields of a name they take: what a policy saw must be what the provider takes. */
  #note({ name, filename }: PartHead): void {
    const type = filename === undefined ? 'text' : 'file';
    const before = this.#names.get(name);
    if (before !== undefined && !name.endsWith('[]') && !(type === 'file' && before === 'file')) {
      throw badForm(`the field "${name.slice(0, 64)}" stands twice`);
    }
    this.#names.set(name, type);
  }

  /**
   * The form with these fields changed. A form that is not held can be had once.
   * Bytes that follow are still looked at: a field that stands a second time ends the stream with an error.
   */
  send(edits: ReadonlyMap<string, string>, ports: Ports): { readonly stream: ReadableStream<Uint8Array> } {
    if (this.#spent) throw new GatewayError('internal', 'A form that was not held is sent twice.');
    this.#spent = !this.isHeld;
    const before = this.#written(new Map());
    const head = this.#written(edits);
    const known = this.isHeld ? 0 : this.declared === undefined ? undefined : this.declared - sizeOf(before);
    const length = known === undefined ? undefined : known + sizeOf(head);
    const { readable, writable } = ports.pipe(length);
    ports.after(this.#pour(head, writable.getWriter()));
    return { stream: readable };
  }

  #written(edits: ReadonlyMap<string, string>): readonly Uint8Array[] {
    const replaced = new Set<string>();
    return this.#held.flatMap((each) => {
      if (each instanceof Uint8Array) return [each];
      if ('value' in each) return [encoder.encode(edits.get(each.name) ?? each.value)];
      const edited = edits.get(each.file);
      if (edited === undefined) return [each.bytes];
      if (replaced.has(each.file)) return [];
      replaced.add(each.file);
      return [encoder.encode(edited)];
    });
  }

  /** Never rejects: whoever reads the other end is told. */
  async #pour(head: readonly Uint8Array[], writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    try {
      for (const bytes of head) if (bytes.length > 0) await writer.write(bytes);
      if (this.#open !== undefined) for (const bytes of this.#open.pieces) await writer.write(bytes);
      if (!this.isHeld) await this.#pourRest(writer);
      await writer.close();
    } catch (thrown) {
      if (thrown instanceof GatewayError) this.fault = thrown;
      await this.#source.cancel(thrown);
      await writer.abort(thrown).catch(() => undefined);
    }
  }

  async #pourRest(writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
    for (let bytes = await this.#source.read(READ); bytes !== undefined; bytes = await this.#source.read(READ)) {
      const pieces = this.#scanner.push(bytes);
      for (const piece of pieces) if (piece.type === 'head') this.#note(piece.head);
      for (const { bytes: certain } of pieces) await writer.write(certain);
    }
    this.#scanner.finish();
  }
}

const sizeOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, { length }) => sum + length, 0);

function textOf(name: string, pieces: readonly Uint8Array[]): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return pieces.map((piece, at) => decoder.decode(piece, { stream: at < pieces.length - 1 })).join('');
  } catch {
    throw badForm(`the field "${name.slice(0, 64)}" is not UTF-8`);
  }
}

/** RFC 2046 section 5.1.1: at most 70 characters, none of them a line end. */
function boundaryOf(contentType: string): string {
  const match = /^multipart\/form-data\s*;.*?\bboundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;",]{1,70}))\s*(?:;|$)/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) {
    throw new GatewayError('unsupported_media_type', 'Send the form as `content-type: multipart/form-data` with its boundary.');
  }
  return boundary;
}
