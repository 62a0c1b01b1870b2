import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, Message, Part } from './chat.ts';
import type { Exchange } from './exchange.ts';
import { fakeCall, fakeDialect, fakeExchange } from './fakes.ts';
import type { JsonObject } from './json.ts';
import { OperationCall } from './operation.ts';
import { subjectOf, subjectPattern } from './subject.ts';

const who = { keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1' };

function subject(by: string, body: JsonObject, parts: Partial<Exchange> = {}, headers: { readonly [name: string]: string } = {}) {
  const call = fakeCall({ model: 'm', ...body });
  for (const [name, value] of Object.entries(headers)) call.headers.set(name, value);
  return subjectOf(by, call, fakeExchange({ who, ...parts }));
}

describe('a user', () => {
  it.each<[string, JsonObject, Partial<Exchange>, string | undefined]>([
    ['of the exchange over all else', { user: 'body' }, { user: 'alice' }, 'alice'],
    ['of the credential', { user: 'body' }, { who: { ...who, user: 'alice' } }, 'alice'],
    ['in OpenAI field `user`', { user: 'alice' }, {}, 'alice'],
    ['in its newer name', { safety_identifier: 'alice' }, {}, 'alice'],
    ['in that of Anthropic', { metadata: { user_id: 'alice' } }, {}, 'alice'],
    [
      'without the session that an older Claude Code adds',
      { metadata: { user_id: 'user_1f_account__session_57a1' } },
      {},
      'user_1f_account_',
    ],
    ['by account of Claude Code', { metadata: { user_id: '{"device_id":"d","account_uuid":"a","session_id":"s"}' } }, {}, 'a'],
    ['by device where it has no account', { metadata: { user_id: '{"device_id":"d","account_uuid":"","session_id":"s"}' } }, {}, 'd'],
    ['where nobody is named', {}, {}, undefined],
    ['where what names one is empty', { user: '', metadata: { user_id: '' } }, {}, undefined],
    ['where what names one is no text', { user: { id: 'alice' }, metadata: ['user_id'] }, {}, undefined],
  ])('%s', (_what, body, parts, user) => {
    expect(subject('user', body, parts)).toBe(user === undefined ? undefined : `user org_1 ${user}`);
  });
});

describe('a session', () => {
  const claude = { metadata: { user_id: '{"device_id":"d","account_uuid":"a","session_id":"s4"}' } };
  it.each<[string, JsonObject, Partial<Exchange>, { readonly [name: string]: string }, string | undefined]>([
    ['is the run', claude, { run: 's1' }, { 'x-claude-code-session-id': 's2' }, 's1'],
    ['is what Claude Code calls it', { prompt_cache_key: 's3', ...claude }, {}, { 'x-claude-code-session-id': 's2' }, 's2'],
    ['is what Codex calls it', {}, {}, { 'session-id': 's2' }, 's2'],
    ['is what OpenCode calls it', {}, {}, { 'x-session-affinity': 's2' }, 's2'],
    ['is the prompt cache key', { prompt_cache_key: 's3', conversation: 'conv_1', ...claude }, {}, {}, 's3'],
    ['is the conversation', { conversation: { id: 'conv_1' }, ...claude }, {}, {}, 'conv_1'],
    ['is the one in the metadata', { metadata: { session_id: 's4' } }, {}, {}, 's4'],
    ['is the one in the user of Claude Code', claude, {}, {}, 's4'],
    ['is the one in the user of an older Claude Code', { metadata: { user_id: 'user_1f_account__session_57a1' } }, {}, {}, '57a1'],
    ['is not the user', { user: 'alice', metadata: { user_id: 'alice' } }, {}, {}, undefined],
  ])('%s', (_what, body, parts, headers, session) => {
    expect(subject('session', body, parts, headers)).toBe(session === undefined ? undefined : `session org_1 ${session}`);
  });
});

describe('a key, an app, metadata, a header', () => {
  it('are those of the exchange and the call', () => {
    expect(subject('key', {})).toBe('key org_1 key_1');
    expect(subject('app', {})).toBe('app org_1 app_1');
    expect(subject('header.X-Tenant', {}, {}, { 'x-tenant': 't1' })).toBe('header.X-Tenant org_1 t1');
    expect(subject('header.X-Tenant', {})).toBeUndefined();
    expect(subject('metadata.customer', { metadata: { customer: 7 } }, { metadata: { customer: 'c1' } })).toBe(
      'metadata.customer org_1 c1',
    );
    expect(subject('metadata.customer', { metadata: { customer: 7 } })).toBe('metadata.customer org_1 7');
    expect(subject('metadata.constructor', { metadata: {} })).toBeUndefined();
  });

  it('are not the same for two organisations', () => {
    for (const by of ['user', 'session', 'key', 'app', 'conversation', 'metadata.m', 'header.h']) {
      const body = { user: 'u', prompt_cache_key: 'k', messages: ['Hi'], metadata: { m: 'm' } };
      const one = subject(by, body, {}, { h: 'h' });
      expect(one, by).toEqual(expect.any(String));
      expect(subject(by, body, { who: { ...who, org: 'org_2' } }, { h: 'h' })).not.toBe(one);
    }
  });

  it('of any length are cut', () => {
    expect(subject('user', { user: 'x'.repeat(1e6) })?.length).toBeLessThan(600);
  });
});

describe('a conversation', () => {
  const chat = (messages: readonly Message[]): Chat => ({ model: 'm', messages, tools: [], stream: false, extra: {} });
  const of = (messages: readonly Message[]) =>
    subjectOf('conversation', fakeCall({ model: 'm' }, fakeDialect({ readCall: () => chat(messages) })), fakeExchange());
  const text = (role: Message['role'], said: string): Message => ({ role, content: [{ type: 'text', text: said }] });

  const messages = fc.array(fc.tuple(fc.constantFrom<Message['role']>('user', 'assistant', 'tool', 'system'), fc.string()), {
    maxLength: 6,
  });

  it('is the same in each of its turns', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), messages, (system, user, later) => {
        const opening = [text('system', system), text('user', user)];
        expect(of([...opening, ...later.map(([role, said]) => text(role, said))])).toBe(of(opening));
      }),
    );
  });

  it('is another one where its instructions or its first words are others', () => {
    const opening = of([text('system', 'Be brief.'), text('user', 'Hi')]);
    expect(opening).toMatch(/^conversation dev [0-9a-f]{16}$/);
    expect(of([text('system', 'Be long.'), text('user', 'Hi')])).not.toBe(opening);
    expect(of([text('system', 'Be brief.'), text('user', 'Ho')])).not.toBe(opening);
    expect(of([text('user', 'Be brief.'), text('user', 'Hi')])).not.toBe(opening);
  });

  it('is told from another one by its pictures', () => {
    const picture = (data: string): Part => ({ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data } });
    expect(of([{ role: 'user', content: [picture('iVBORw0KGgoA')] }])).not.toBe(of([{ role: 'user', content: [picture('iVBORw0KGgoB')] }]));
  });

  it('does not mind the line of Claude Code that changes with each request', () => {
    const opening = (cch: string): Message[] => [
      {
        role: 'system',
        content: [
          { type: 'text', text: `x-anthropic-billing-header: cc_version=2.1.329; cch=${cch};` },
          { type: 'text', text: 'You are Claude Code.' },
        ],
      },
      text('user', 'Hi'),
    ];
    expect(of(opening('1a2b3'))).toBe(of(opening('9f8e7')));
  });

  it('is the one that a Responses call names', () => {
    expect(subject('conversation', { conversation: 'conv_1', messages: ['Hi'] })).toBe('conversation org_1 conv_1');
  });

  it('is unknown before anybody has spoken, of what cannot be read, and of what is no chat', () => {
    const unreadable = fakeDialect({
      readCall: () => {
        throw new Error('no chat');
      },
    });
    const embeddings = OperationCall.read('embeddings', '{"model":"m","input":"Hi"}', new Headers(), 'openai', {
      head: () => ({ model: 'm', stream: false, wantsUsage: false }),
      texts: (same) => same,
    });
    expect(of([text('system', 'Be brief.')])).toBeUndefined();
    for (const call of [fakeCall({ model: 'm' }, unreadable), embeddings]) {
      expect(subjectOf('conversation', call, fakeExchange())).toBeUndefined();
    }
  });
});

it('never throws, whatever is asked for and whatever the body holds', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (by, value) => {
      for (const each of [by, `header.${by}`, `metadata.${by}`, 'user', 'session', 'conversation']) {
        const body = { user: value, metadata: value, conversation: value, prompt_cache_key: value } as JsonObject;
        const found = subject(each, body);
        expect(found === undefined || found.startsWith(each)).toBe(true);
      }
    }),
  );
});

it('takes names as settings write them', () => {
  for (const by of ['user', 'session', 'key', 'app', 'conversation', 'metadata.customer', 'header.x-tenant'])
    expect(by).toMatch(subjectPattern);
  for (const by of ['', 'users', 'metadata', 'metadata.', 'header.', 'header.a b', 'header.ä']) expect(by).not.toMatch(subjectPattern);
});
