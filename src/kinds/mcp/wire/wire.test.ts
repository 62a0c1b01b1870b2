import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { RpcError } from './errors.ts';
import { EventReader, eventText } from './events.ts';
import { decodeHeader, encodeHeader } from './headers.ts';
import { readMessage, readMessages, requestText } from './message.ts';
import { paramHeadersOf, paramHeaderValues } from './params.ts';

const codeOf = (work: () => unknown): number | undefined => {
  try {
    work();
    return undefined;
  } catch (thrown) {
    return thrown instanceof RpcError ? thrown.code : 0;
  }
};

describe('messages', () => {
  it('go on as they came, to the last digit', () => {
    const params =
      '{ "name":"t", "arguments" : {"big":12345678901234567890.10, "e":1E400,"text":"\\u00e9\\ud83e\\udd80"},"unknown":[1.0] }';
    const message = readMessage(`{"jsonrpc":"2.0","id":0,"method":"tools/call","params":${params}}`);
    expect(message.type === 'request' && requestText(message.id, message.method, message.params)).toContain(params);
    expect(message.type === 'request' && message.params.with({ name: 'own' }).text).toContain('12345678901234567890.10');
  });

  it.each([
    ['{"jsonrpc":"2.0","id":0,"method":"m"}', 0],
    ['{"jsonrpc":"2.0","id":"0","method":"m"}', '0'],
    ['{"jsonrpc":"2.0","id":-7,"method":"m"}', -7],
  ])('keep the type of their id: %s', (text, id) => {
    expect(readMessage(text)).toMatchObject({ type: 'request', id });
  });

  it.each([
    'true',
    '"x"',
    '7',
    '{"jsonrpc":"2.0"}',
    '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
    '{"jsonrpc":"2.0","id":1,"method":"m","params":[1]}',
    '{"jsonrpc":"2.0","id":1e99,"method":"m"}',
    `[${'{},'.repeat(50)}{}]`,
  ])('are none: %s', (text) => {
    expect(codeOf(() => readMessages(text))).toBe(-32600);
  });
});

describe('headers', () => {
  it('say any text, and nothing else is read out of them', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xd7ff })), { maxLength: 30 }), (points) => {
        const text = String.fromCodePoint(...points);
        const encoded = encodeHeader(text);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeHeader(encoded)).toBe(text);
      }),
    );
  });

  it.each(['=?base64?ZWNobw?=', '=?base64?!!?=', '=?base64?ZWNobw==', '=?base64?/w==?='])('%s is no base64', (value) => {
    expect(decodeHeader(value)).toBeUndefined();
  });
});

describe('headers of tools', () => {
  const schema = (property: JsonObject): JsonObject => ({ type: 'object', properties: { a: property } });

  it('are made of arguments that always stand in the same place', () => {
    const declared = paramHeadersOf({
      type: 'object',
      properties: { at: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } } },
    });
    expect(declared).toEqual([{ path: ['at', 'region'], header: 'Region' }]);
    expect(paramHeaderValues(declared ?? [], { at: { region: 'grüße' } })).toEqual({
      'mcp-param-region': `=?base64?${btoa('gr\u00c3\u00bc\u00c3\u009fe')}?=`,
    });
    expect(paramHeaderValues(declared ?? [], { at: null })).toEqual({});
  });

  it.each([
    ['a credential', schema({ type: 'string', 'x-mcp-header': 'Authorization' })],
    ['two lines', schema({ type: 'string', 'x-mcp-header': 'A\r\nB' })],
    ['nothing', schema({ type: 'string', 'x-mcp-header': '' })],
    ['an object', schema({ type: 'object', 'x-mcp-header': 'A' })],
    [
      'one twice',
      { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } },
    ],
    ['an alternative', schema({ anyOf: [{ type: 'string', 'x-mcp-header': 'A' }] })],
    ['an item', schema({ type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } })],
    ['the whole', { type: 'string', 'x-mcp-header': 'A' }],
    ['a bomb', { allOf: Array.from({ length: 20_000 }, () => ({})) }],
  ])('leave a tool out that makes one of %s', (_what, declared) => {
    expect(paramHeadersOf(declared)).toBeUndefined();
  });
});

it('events come out as they went in, however they are cut', () => {
  const bytes = new TextEncoder().encode(
    `: ping\n\nid: a-1\nretry: 500\ndata: \n\n${eventText('{"a":"ü"}', 'a-2')}${eventText('{\n"b":1}')}`,
  );
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length })), (cuts) => {
      const reader = new EventReader(1_000);
      const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const events = at.slice(1).flatMap((end, index) => reader.push(bytes.slice(at[index], end)));
      expect(events).toEqual([{ id: 'a-1', retry: 500 }, { id: 'a-2', data: '{"a":"ü"}' }, { data: '{ "b":1}' }]);
    }),
  );
});
