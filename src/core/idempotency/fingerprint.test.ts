import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf } from './fingerprint.ts';

const encoder = new TextEncoder();
const URL_ = 'https://weir.test/v1/chat/completions?api-version=1';

interface Asked {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Uint8Array;
}

function of({ url = URL_, method = 'POST', headers = { 'content-type': 'application/json' }, body = '{"a":1}' }: Asked) {
  return fingerprintOf({ method, url, headers: new Headers(headers) }, typeof body === 'string' ? encoder.encode(body) : body);
}

/** A form as a client of its own writes it. */
function form(boundary: string, parts: readonly (readonly [name: string, content: string])[], quoted = false): Asked {
  const body = parts
    .map(([name, content]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`)
    .join('');
  const type = `multipart/form-data; boundary=${quoted ? `"${boundary}"` : boundary}`;
  return { headers: { 'content-type': type }, body: `${body}--${boundary}--\r\n` };
}

describe('the fingerprint of a call', () => {
  it('is the same for the same call, whatever else its headers say', async () => {
    const known = await of({});
    expect(known).toMatch(/^[0-9a-f]{64}$/);
    expect(
      await of({ headers: { 'content-type': 'application/json; charset=utf-8', authorization: 'Bearer other', 'x-weir-run': '2' } }),
    ).toBe(known);
  });

  it('leaves out the credential in the query', async () => {
    expect(await of({ url: `${URL_}&key=weir_live_1` })).toBe(await of({}));
    expect(await of({ url: `${URL_}&key=weir_live_2` })).toBe(await of({}));
  });

  it.each<[string, Asked]>([
    ['body', { body: '{"a":2}' }],
    ['a byte of it', { body: '{"a":1} ' }],
    ['path', { url: URL_.replace('chat/', '') }],
    ['query', { url: URL_.replace('=1', '=2') }],
    ['method', { method: 'PUT' }],
    ['type', { headers: { 'content-type': 'text/plain' } }],
    ['model in a header', { headers: { 'content-type': 'application/json', 'ai-language-model-id': 'm' } }],
    ['streaming in a header', { headers: { 'content-type': 'application/json', 'ai-language-model-streaming': 'true' } }],
  ])('tells another %s', async (_what, asked) => {
    expect(await of(asked)).not.toBe(await of({}));
  });

  it('does not know a form by its boundary, and by all else', async () => {
    const parts = [
      ['model', 'whisper-1'],
      ['file', 'RIFF--not-the-boundary\r\n--'],
    ] as const;
    const known = await of(form('----formdata-1', parts));
    expect(await of(form('----formdata-2', parts))).toBe(known);
    expect(await of(form('xyz', parts, true))).toBe(known);
    expect(await of(form('----formdata-1', [parts[0]]))).not.toBe(known);
    expect(await of(form('----formdata-1', [parts[1], parts[0]]))).not.toBe(known);
    expect(await of(form('----formdata-1', [['model', 'whisper-2'], parts[1]]))).not.toBe(known);
  });

  it('never knows two forms as one', async () => {
    const content = fc.string({ maxLength: 12, unit: fc.constantFrom('-', '\r\n', 'a', 'b') });
    await fc.assert(
      fc.asyncProperty(fc.array(content, { maxLength: 4 }), fc.array(content, { maxLength: 4 }), async (left, right) => {
        const named = (contents: readonly string[]) => contents.map((each) => ['f', each] as const);
        const same = (await of(form('left-0', named(left)))) === (await of(form('right-1', named(right))));
        expect(same).toBe(JSON.stringify(left) === JSON.stringify(right));
      }),
    );
  });
});
