import { describe, expect, it } from 'vitest';
import { encodeBase64 } from '../../core/base64.ts';
import { fakePorts } from '../../core/fakes.ts';
import type { Provider } from '../../core/provider.ts';
import { bedrock as literal } from './index.ts';
import { invokeModel } from './invoke-model.ts';

const bedrock: Provider = literal;

import { encodeEvent as encode } from '../../core/eventstream.ts';

const encoder = new TextEncoder();
const call = (model: string, stream: boolean) => ({ baseUrl: 'https://b.example', dialect: 'anthropic', model, stream, settings: {} });
const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0';

describe("Anthropic's dialect on Bedrock", () => {
  it.each([
    ['anthropic.claude-3-haiku-20240307-v1:0', true],
    [CLAUDE, true],
    ['arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0', true],
    ['arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0', true],
    ['arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123', false],
    ['us.amazon.nova-pro-v1:0', false],
    ['meta.llama3-70b-instruct-v1:0', false],
    ['my-anthropic.model', false],
  ])('serves %s: %s', (model, serves) => expect(invokeModel.serves?.(model)).toBe(serves));

  it('stands at the address of the operation, the id in one segment', () => {
    expect(invokeModel.url?.(call(CLAUDE, false))).toBe(`https://b.example/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke`);
    expect(invokeModel.url?.(call('a/anthropic.b', true))).toBe('https://b.example/model/a%2Fanthropic.b/invoke-with-response-stream');
  });

  it('has version and beta features in the body, without what Bedrock refuses', () => {
    const caller = new Headers({ 'anthropic-beta': 'interleaved-thinking-2025-05-14, oauth-2025-04-20,context-1m-2025-08-07' });
    const patch = invokeModel.patch?.(call(CLAUDE, true), caller) ?? {};
    expect(JSON.parse(JSON.stringify({ model: 'x', stream: true, metadata: { user_id: 'u' }, max_tokens: 9, ...patch }))).toEqual({
      max_tokens: 9,
      anthropic_version: 'bedrock-2023-05-31',
      anthropic_beta: ['interleaved-thinking-2025-05-14', 'context-1m-2025-08-07'],
    });
    expect(invokeModel.omits?.(caller, (field) => field === 'metadata')).toEqual(['metadata', 'anthropic-beta.oauth-2025-04-20']);
    expect(invokeModel.patch?.(call(CLAUDE, true), new Headers())).not.toHaveProperty('anthropic_beta');
    expect(invokeModel.omits?.(new Headers(), () => false)).toEqual([]);
  });
});

describe('the stream of InvokeModel', () => {
  const { framing } = invokeModel;
  const event = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Grüße\u2028\n' } };
  const sse = `event: content_block_delta\ndata: ${JSON.stringify(event)}\n\n`;

  it('comes out as the server-sent events of the dialect, however it is cut', () => {
    const bytes = framing?.encode(`${sse}: ping\n\n${sse}`) ?? new Uint8Array(0);
    for (let at = 0; at <= bytes.length; at += 7) {
      const splitter = framing?.splitter();
      const frames = [bytes.slice(0, at), bytes.slice(at)].flatMap((piece) => splitter?.push(piece) ?? []);
      expect(frames.map(({ text }) => text)).toEqual([sse, sse]);
      expect(frames[0]?.bytes).toEqual(encoder.encode(sse));
    }
  });

  it('reads JSON that is spread over lines', () => {
    const spread = JSON.stringify(event, null, 2);
    const bytes = encode('chunk', JSON.stringify({ bytes: encodeBase64(encoder.encode(spread)), p: 'abcdef' }));
    const [frame] = framing?.splitter().push(bytes) ?? [];
    expect(JSON.parse(frame?.data ?? '')).toEqual(event);
  });

  it.each([
    ['throttlingException', 'rate_limit_error'],
    ['serviceUnavailableException', 'overloaded_error'],
    ['validationException', 'invalid_request_error'],
    ['modelStreamErrorException', 'api_error'],
  ])('says %s as the error event %s', (type, expected) => {
    const [frame] = framing?.splitter().push(encode(type, '{"message":"No."}')) ?? [];
    expect(frame?.event).toBe('error');
    expect(JSON.parse(frame?.data ?? '')).toEqual({ type: 'error', error: { type: expected, message: 'No.' } });
  });

  it('is refused where what it wraps is no event', () => {
    const bytes = encode('chunk', JSON.stringify({ bytes: btoa('nonsense') }));
    expect(() => framing?.splitter().push(bytes)).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
    // Events of other kinds say nothing here.
    expect(framing?.splitter().push(encode('initial-response', '{}'))).toEqual([]);
  });
});

describe('the credential', () => {
  const request = {
    url: 'https://b.example/model/m/converse',
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };
  const tools = {
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5) },
    egress: fakePorts().egress,
    settings: { region: 'eu-west-1' },
    signal: new AbortController().signal,
  };

  it('signs where it is an access key', async () => {
    const signed = await bedrock.sign?.(request, 'AKIAIOSFODNN7EXAMPLE:secret:token', tools);
    expect(signed).toMatchObject({ url: request.url, body: request.body });
    expect(signed?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-amz-date': '20260102T030405Z',
      'x-amz-security-token': 'token',
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20260102\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=[0-9a-f]{64}$/,
      ),
    });
  });

  it('is the bearer where it is an API key', async () => {
    const signed = await bedrock.sign?.(request, 'ABSKexample', tools);
    expect(signed?.headers).toEqual({ 'content-type': 'application/json', authorization: 'Bearer ABSKexample' });
  });
});
