import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, Part } from '../../core/chat.ts';
import { Wire } from '../../core/wire.ts';
import { anyChat, commonChat } from './arbitraries.ts';
import { defaulted, sayable } from './cannot.ts';
import { all, EACH, FEW, named, PATIENT } from './cases.ts';
import { addressOf, isAddressed, normal, sent, through } from './trial-call.ts';

/** An empty text says nothing, and is no text to edit. */
const shout = (text: string) => (text === '' ? text : `${text}!`);
const same = (text: string) => text;

const textsOf = (parts: readonly Part[]): readonly string[] =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : part.type === 'tool-result' ? textsOf(part.content) : []));
const allTexts = (chat: Chat) => chat.messages.flatMap(({ content }) => textsOf(content));

describe.each(named)('%s, calls', PATIENT, (_id, dialect) => {
  it(`says what every dialect can say, and reads it as it was ${all(EACH)}`, () => {
    fc.assert(
      fc.property(commonChat, (any) => {
        const chat = sayable(any, dialect);
        const read = through(dialect, chat);
        expect(read.loss).toEqual([]);
        expect(normal(read.chat)).toEqual(normal(chat));
      }),
      EACH,
    );
  });

  it(`reads a call as it was, or names what was lost ${all(EACH)}`, () => {
    fc.assert(
      fc.property(anyChat, (any) => {
        const chat = defaulted(any, dialect);
        const read = through(dialect, chat);
        if (read.loss.length === 0) expect(normal(read.chat)).toEqual(normal(chat));
      }),
      EACH,
    );
  });

  it('writes bodies whose head agrees with the call', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const { fields } = Wire.of(sent(dialect.writeCall(chat, {}).body));
        const address = isAddressed(dialect) ? addressOf(chat) : undefined;
        const head = dialect.head(fields, address);
        expect(head).toMatchObject({ model: chat.model, stream: chat.stream });
        const other = dialect.patch(head, 'other', {}, fields);
        if (dialect.pathOf !== undefined) expect(dialect.pathOf('other', chat.stream)).toContain('/other');
        else if (dialect.headersOf !== undefined) expect(Object.values(dialect.headersOf('other', chat.stream))).toContain('other');
        else expect(other.model).toBe('other');
      }),
      FEW,
    );
  });

  it('limits its answers without changing anything else, and leaves a lower limit as it is', () => {
    fc.assert(
      fc.property(anyChat, fc.integer({ min: 1, max: 100_000 }), (chat, tokens) => {
        const body = sent(dialect.writeCall(chat, {}).body);
        const limited = dialect.limitOutput(body, tokens, {});
        if (limited === undefined) {
          expect(chat.reasoning).toBeDefined();
          return;
        }
        const before = dialect.readCall(body);
        const after = dialect.readCall(limited);
        expect(after.maxTokens).toBe(Math.min(before.maxTokens ?? tokens, tokens));
        expect({ ...after, maxTokens: 0 }).toEqual({ ...before, maxTokens: 0 });
      }),
      FEW,
    );
  });

  it('edits every text, and leaves the body as it is where none changes', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const body = sent(dialect.writeCall(chat, {}).body);
        expect(dialect.texts(body, same)).toBe(body);
        expect(allTexts(dialect.readCall(dialect.texts(body, shout)))).toEqual(allTexts(dialect.readCall(body)).map(shout));
      }),
      FEW,
    );
  });
});
