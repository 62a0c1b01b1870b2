import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, ChatChunk, Issuer, Message, Part } from '../../core/chat.ts';
import { WRAPPED } from '../../core/signature.ts';
import { Wire } from '../../core/wire.ts';
import { type Answer, chunksOf, cuts, signedAnswers } from './arbitraries.ts';
import { sayableAnswer } from './cannot.ts';
import { all, EACH, FEW, named, PATIENT } from './cases.ts';
import { histories } from './histories.ts';
import { answered, options } from './trial-answer.ts';
import { sent } from './trial-call.ts';

/** What vendors want back, with the part it stands on: in order for thinking, by id for calls. */
function sealsOf(parts: readonly Part[]) {
  const calls = parts.flatMap((part) => (part.type === 'tool-call' && part.signature !== undefined ? [part] : []));
  return {
    thinking: parts.flatMap<object>((part) => {
      if (part.type === 'thinking') return [{ text: part.text, signature: part.signature, issuer: part.issuer }];
      return part.type === 'redacted-thinking' ? [{ data: part.data, issuer: part.issuer }] : [];
    }),
    calls: calls.map(({ id, signature, issuer }) => ({ id, signature, issuer })),
  };
}

const sealsOfAnswer = ({ thinking, calls }: Answer) => ({
  thinking: thinking.map(({ text, signature, data, issuer }) => (data === undefined ? { text, signature, issuer } : { data, issuer })),
  calls: calls.flatMap(({ id, signature, issuer }) => (signature === undefined ? [] : [{ id, signature, issuer }])),
});

const partsOf = (chat: Chat) => chat.messages.flatMap(({ role, content }) => (role === 'assistant' ? content : []));
/** The answer as a turn of a conversation in the canonical form. */
const turnOf = ({ thinking, texts, calls }: Answer): Message => ({
  role: 'assistant',
  content: [
    ...thinking.map(
      ({ text, data, ...signed }): Part =>
        data === undefined ? { type: 'thinking', text, ...signed } : { type: 'redacted-thinking', data, ...signed },
    ),
    ...texts.map((text): Part => ({ type: 'text', text })),
    ...calls.map((call): Part => ({ type: 'tool-call', ...call })),
  ],
});

const ASKED: Message = { role: 'user', content: [{ type: 'text', text: 'Go on.' }] };

it.each(named)('%s has a way back for what it answers, or says that it has none', (id) => {
  expect(histories[id]).toBeDefined();
});

const ways = named.flatMap(([id, dialect]) => {
  const history = histories[id];
  return typeof history === 'function' ? [[id, dialect, history] as const] : [];
});

describe.each(ways)('%s, signatures', PATIENT, (_id, dialect, history) => {
  const sealsBack = (chunks: readonly ChatChunk[]) =>
    sealsOf(partsOf(dialect.readCall(sent(history(sent(dialect.writeReply(chunks, options).body))))));

  it(`of any family come back byte for byte through a client ${all(EACH)}`, () => {
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        expect(sealsBack(chunksOf(sayableAnswer(answer, dialect), lengths))).toEqual(sealsOfAnswer(answer));
      }),
      EACH,
    );
  });

  it('stand in a stream as they stand in a JSON answer', () => {
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        const streamed = answered(dialect, chunksOf(sayableAnswer(answer, dialect), lengths), 'stream').chunks;
        expect(sealsBack(streamed)).toEqual(sealsOfAnswer(answer));
      }),
      FEW,
    );
  });

  it('of another family stay behind where a call is forwarded as it came', () => {
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        const wire = Wire.of(sent(history(sent(dialect.writeReply(chunksOf(sayableAnswer(answer, dialect), lengths), options).body))));
        const head = dialect.head(wire.fields, { model: 'm', stream: false });
        const forwarded = wire.patched(dialect.patch(head, 'm', {}, wire.fields));
        expect(forwarded).not.toContain(WRAPPED);
      }),
      FEW,
    );
  });
});

it.each(named)('signatures of another family are never in a call of %s, and are named as lost', (_id, dialect) => {
  fc.assert(
    fc.property(signedAnswers, ({ thinking, calls, ...answer }) => {
      const isForeign = ({ issuer }: { readonly issuer?: Issuer }) => issuer !== dialect.issuer;
      const foreign = { ...answer, thinking: thinking.filter(isForeign), calls: calls.filter(isForeign) };
      const chat: Chat = { model: 'm', tools: [], stream: false, extra: {}, maxTokens: 9, messages: [ASKED, turnOf(foreign), ASKED] };
      const { body, loss } = dialect.writeCall(chat, {});
      const seals = [
        ...foreign.thinking.map(({ signature, data }) => signature ?? data),
        ...foreign.calls.map(({ signature }) => signature),
      ];
      const text = JSON.stringify(body);
      for (const seal of seals) if (seal !== undefined) expect(text).not.toContain(seal);
      expect(text).not.toContain(WRAPPED);
      if (seals.some((seal) => seal !== undefined)) expect(loss).toContain('thinking.signature');
    }),
    FEW,
  );
});
