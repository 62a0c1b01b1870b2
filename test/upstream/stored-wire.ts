import type { ServerResponse } from 'node:http';
import type { Asked } from './operations-wire.ts';

interface StoredFile {
  readonly object: { readonly id: string; readonly [field: string]: unknown };
  readonly bytes: Buffer;
}

/** What the vendor keeps: of everybody who uses its one credential. */
export interface Stored {
  readonly files: Map<string, StoredFile>;
  readonly batches: Map<string, { readonly id: string; readonly [field: string]: unknown }>;
}

const json = (response: ServerResponse, body: unknown, status = 200) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};
const notFound = (response: ServerResponse, id: string) =>
  json(response, { error: { message: `No such object: ${id}`, type: 'invalid_request_error' } }, 404);

/** Newest first, in pages, as the vendor lists them. */
function list(items: readonly { readonly id: string }[], query: URLSearchParams) {
  const newest = items.toReversed();
  const after = query.get('after');
  const from = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1;
  const limit = Number(query.get('limit') ?? 3);
  const data = newest.slice(from, from + limit);
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: from + limit < newest.length };
}

export async function answerStored(asked: Asked, response: ServerResponse, stored: Stored): Promise<void> {
  const [, , kind, id = '', verb] = asked.path.split('/');
  if (kind === 'files') return answerFiles(asked, response, stored, id, verb);
  if (asked.method === 'POST' && id === '') {
    const input = String(asked.json.input_file_id);
    if (!stored.files.has(input)) return notFound(response, input);
    if ((asked.json.metadata as { refused?: string } | undefined)?.refused !== undefined) {
      return json(response, { error: { message: 'scripted refusal', type: 'invalid_request_error' } }, 400);
    }
    const output = await keepFile(stored, 'batch_output.jsonl', 'batch_output', Buffer.from('{"custom_id":"1"}\n'));
    const batch = {
      object: 'batch',
      status: 'completed',
      ...asked.json,
      id: `batch_${stored.batches.size + 1}`,
      output_file_id: output.id,
      error_file_id: null,
    };
    stored.batches.set(batch.id, batch);
    return json(response, progressOf(batch));
  }
  if (id === '') return json(response, list([...stored.batches.values()].map(progressOf), asked.query));
  const batch = stored.batches.get(id);
  if (batch === undefined) return notFound(response, id);
  json(response, verb === 'cancel' ? { ...batch, status: 'cancelling' } : progressOf(batch));
}

/** A batch whose metadata say how it goes: `looks` before its end, its last `status`, and `usage` as `input,output`. */
function progressOf(batch: { readonly id: string; readonly [field: string]: unknown }) {
  const { looks, status = 'completed', usage, completed } = (batch.metadata ?? {}) as { readonly [name: string]: string | undefined };
  if (looks === undefined) return batch;
  const seen = (looked.get(batch.id) ?? 0) + 1;
  looked.set(batch.id, seen);
  if (seen <= Number(looks)) return { ...batch, status: 'in_progress', output_file_id: null };
  const [input_tokens, output_tokens] = (usage ?? '').split(',').map(Number);
  return {
    ...batch,
    status,
    ...(usage === undefined ? {} : { usage: { input_tokens, output_tokens, total_tokens: (input_tokens ?? 0) + (output_tokens ?? 0) } }),
    ...(completed === undefined ? {} : { request_counts: { total: Number(completed), completed: Number(completed), failed: 0 } }),
  };
}

const looked = new Map<string, number>();

async function answerFiles(asked: Asked, response: ServerResponse, stored: Stored, id: string, verb: string | undefined): Promise<void> {
  if (asked.method === 'POST') {
    const file = asked.form.get('file');
    if (!(file instanceof File)) return json(response, { error: { message: 'no file' } }, 400);
    return json(response, await keepFile(stored, file.name, String(asked.form.get('purpose')), Buffer.from(await file.arrayBuffer())));
  }
  if (id === '')
    return json(
      response,
      list(
        [...stored.files.values()].map(({ object }) => object),
        asked.query,
      ),
    );
  const file = stored.files.get(id);
  if (file === undefined) return notFound(response, id);
  if (asked.method === 'DELETE') {
    stored.files.delete(id);
    return json(response, { id, object: 'file', deleted: true });
  }
  if (verb === 'content') {
    response.writeHead(200, { 'content-type': 'text/html', 'content-disposition': 'attachment; filename="x"' });
    response.end(file.bytes);
    return;
  }
  json(response, file.object);
}

let made = 0;
async function keepFile(stored: Stored, filename: string, purpose: string, bytes: Buffer) {
  const object = { id: `file-up${++made}`, object: 'file', bytes: bytes.length, created_at: made, filename, purpose, status: 'processed' };
  stored.files.set(object.id, { object, bytes });
  return object;
}
