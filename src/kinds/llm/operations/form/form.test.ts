import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakePorts } from '../../../../core/fakes.ts';
import { Form } from './form.ts';

const BOUNDARY = 'b0und-ary';
const latin1 = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const part = (head: string, body: string) => `--${BOUNDARY}\r\ncontent-disposition: form-data; ${head}\r\n\r\n${body}\r\n`;
const END = `--${BOUNDARY}--`;
const WHOLE = [
  part('name="a[]"', 'one'),
  part('name="file"; filename="x\\"y.bin"', `bytes\r\n--${BOUNDARY.slice(0, 5)}\r\n\r\n\rx`),
  part('name="model"', 'up/model'),
  part('name="a[]"', ''),
  part('name="file"; filename=z', '\r\n'),
  `${END}\r\n`,
].join('');

/** A request whose body arrives in these pieces. */
function requestOf(pieces: readonly Uint8Array[]): Request {
  const left = [...pieces];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
  });
  return new Request('http://form', { method: 'POST', body, headers: { 'content-type': `multipart/form-data; boundary="${BOUNDARY}"` } });
}

function cut(text: string, at: readonly number[]): readonly Uint8Array[] {
  const bytes = latin1(text);
  const cuts = [0, ...at.map((each) => each % bytes.length).sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).flatMap((end, index) => (end > (cuts[index] ?? 0) ? [bytes.slice(cuts[index], end)] : []));
}

/** The line end behind the last boundary belongs to no part, and may be gone. */
const WRITTEN = WHOLE.trimEnd();

const sent = async (form: Form, edits: ReadonlyMap<string, string> = new Map()) =>
  new TextDecoder('latin1').decode(await new Response(form.send(edits, fakePorts()).stream).arrayBuffer());

describe('a form', () => {
  it('leaves as it came, however it was cut, read whole or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(WHOLE.length), { maxLength: 12 }),
        fc.constantFrom([], ['a[]'], ['model'], ['nothing']),
        async (at, names) => {
          const form = Form.of(requestOf(cut(WHOLE, at)), 10_000);
          await form.readUntil(names, 'a test');
          expect((await sent(form)).trimEnd()).toBe(WRITTEN);
          expect(form.fault).toBeUndefined();
        },
      ),
      { numRuns: 150 },
    );
  });

  it('leaves with the fields that were changed, at every cut', async () => {
    const wanted = WRITTEN.replace('up/model', 'gpt');
    for (let at = 1; at < WHOLE.length; at++) {
      const form = Form.of(requestOf(cut(WHOLE, [at])), 10_000);
      await form.readUntil(['model'], 'a test');
      expect(form.fields.model).toBe('up/model');
      expect((await sent(form, new Map([['model', 'gpt']]))).trimEnd()).toBe(wanted);
    }
  });

  it('says its fields, and can be sent again once it is held', async () => {
    const form = Form.of(requestOf([latin1(WHOLE)]), 10_000);
    await form.hold('a test');
    expect(form.isHeld).toBe(true);
    expect(form.fields).toEqual({ model: 'up/model', 'a[]': ['one', ''] });
    expect(await sent(form)).toBe(WHOLE);
    expect(await sent(form)).toBe(WHOLE);
  });

  it('has its file’s text replaced, and all else kept', async () => {
    const form = Form.of(
      requestOf([latin1([part('name="file"; filename="f"', 'line 1\nline 2'), part('name="purpose"', 'batch'), END].join(''))]),
      10_000,
    );
    await form.hold('a test');
    expect(form.fileText('file')).toBe('line 1\nline 2');
    expect(await sent(form, new Map([['file', 'é']]))).toContain('filename="f"\r\n\r\nÃ©\r\n--');
  });

  it('is held no further than its limit', async () => {
    const form = Form.of(requestOf(cut(part('name="file"; filename="f"', 'x'.repeat(5_000)), [1_000, 2_000, 3_000])), 2_500);
    await expect(form.readUntil(['model'], 'the model comes late')).rejects.toMatchObject({
      code: 'request_too_large',
      message: /the model comes late/,
    });
  });

  it('names what is wrong with what had left already', async () => {
    const twice = [part('name="model"', 'a'), part('name="file"; filename="f"', 'x'.repeat(100_000)), part('name="model"', 'b'), END].join(
      '',
    );
    const form = Form.of(requestOf(cut(twice, [80, 90_000])), 1_000_000);
    await form.readUntil(['model'], 'a test');
    expect(form.isHeld).toBe(false);
    await expect(sent(form)).rejects.toThrow();
    expect(form.fault).toMatchObject({ code: 'invalid_request' });
  });
});
