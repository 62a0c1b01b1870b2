import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dialects } from '../../dialects/index.ts';
import { LlmCall } from '../call.ts';
import { askedBy } from './asked.ts';
import { AskedDigests } from './digests.ts';
import { fingerprintOf } from './fingerprint.ts';

const spoken = ['openai-chat', 'anthropic', 'openai-responses'].map((id) => {
  const dialect = dialects.find((each) => each.id === id);
  if (dialect === undefined) throw new Error(`no dialect ${id}`);
  return dialect;
});

const call = (dialect: (typeof spoken)[number], text: string) => LlmCall.read(dialect, text, new Headers());
const words = fc.constantFrom('Hi', 'hi', 'Hi ', 'What is it?');
const bodies = fc.record({
  dialect: fc.constantFrom(...spoken),
  text: fc.record({ content: words, store: fc.option(fc.boolean(), { nil: undefined }), temperature: fc.constantFrom(0, 1, undefined) }),
});

describe('what a chat asks for', () => {
  it('is the same as if it were found out anew, in whatever order bodies come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bodies, { maxLength: 12 }), async (all) => {
        const digests = new AskedDigests();
        for (const { dialect, text } of [...all, ...all]) {
          const { content, ...rest } = text;
          const messages = [{ role: 'user', content }];
          const body = JSON.stringify({
            model: 'm',
            max_tokens: 9,
            ...(dialect.id === 'openai-responses' ? { input: messages } : { messages }),
            ...rest,
          });
          const asked = askedBy(call(dialect, body));
          expect(await digests.of(call(dialect, body))).toBe(asked === undefined ? undefined : await fingerprintOf(asked));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('is found out anew where more is known of it than its body says', async () => {
    const digests = new AskedDigests();
    const [dialect] = spoken;
    if (dialect === undefined) throw new Error('there is none');
    const plain = call(dialect, '{"model":"m","messages":[{"role":"user","content":"Hi"}]}');
    const more = plain.withChat({ ...plain.chat(), temperature: 0.5 });
    expect(await digests.of(plain)).not.toBe(await digests.of(more));
    expect(await digests.of(plain)).toBe(await digests.of(plain));
  });

  it('is forgotten rather than kept without end', async () => {
    const digests = new AskedDigests();
    const [dialect] = spoken;
    if (dialect === undefined) throw new Error('there is none');
    const long = (at: number) =>
      call(dialect, JSON.stringify({ model: 'm', messages: [{ role: 'user', content: `${at} ${'x'.repeat(30_000)}` }] }));
    for (let at = 0; at < 200; at++) expect(await digests.of(long(at))).toHaveLength(64);
    expect(await digests.of(long(0))).toHaveLength(64);
  });
});
