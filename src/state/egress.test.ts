import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import type { EgressRequest } from '../core/ports.ts';
import { createEgress, isLoop, travelling } from './egress.ts';

const egress = createEgress({ local: false, selfHosts: ['gateway.example.com', 'other.example.com:8443'], instance: '' });

const request = (more: Partial<EgressRequest> = {}): EgressRequest => ({
  url: 'https://api.example.com/v1/chat/completions',
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: '{}',
  signal: new AbortController().signal,
  ...more,
});

const answering = (response: () => Response | Promise<Response>) =>
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => response());

const failure = async (more: Partial<EgressRequest>): Promise<GatewayError> => {
  const error = await egress.send(request(more)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GatewayError)) throw new Error(`no gateway error but ${String(error)}`);
  return error;
};

afterEach(() => vi.restoreAllMocks());

describe('egress', () => {
  it('sends what it was given and hands the answer back untouched', async () => {
    const answer = new Response('data: x\n\n', { status: 429, headers: { 'retry-after': '2' } });
    const fetched = answering(() => answer);
    const body = new Uint8Array([123, 125]);
    expect(await egress.send(request({ body }))).toBe(answer);
    const [url, init] = fetched.mock.calls[0] ?? [];
    expect(url).toBe('https://api.example.com/v1/chat/completions');
    expect(init).toMatchObject({ method: 'POST', redirect: 'manual', body });
  });

  it('calls the URL in the normal form in which it was judged', async () => {
    const fetched = answering(() => new Response());
    await egress.send(request({ url: String.raw`https:\\API.example.com\a/../b` }));
    expect(fetched.mock.calls[0]?.[0]).toBe('https://api.example.com/b');
  });

  it.each([300, 301, 302, 303, 304, 307, 308])('never follows a %i and drops its body', async (status) => {
    const cancelled = vi.fn();
    answering(() => {
      if (status === 304) return new Response(null, { status });
      return new Response(new ReadableStream({ cancel: cancelled }), { status, headers: { location: 'http://169.254.169.254/' } });
    });
    const error = await failure({});
    expect(error.code).toBe('upstream_invalid');
    expect(error.message).toMatch(/redirect/);
    expect(error.message).not.toContain('169.254');
    expect(cancelled).toHaveBeenCalledTimes(status === 304 ? 0 : 1);
  });

  it.each(['http://api.example.com', 'https://10.0.0.1', 'https://user@api.example.com', 'not a url', ''])(
    'refuses %j before any connection',
    async (url) => {
      const fetched = answering(() => new Response());
      expect((await failure({ url })).code).toBe('address_refused');
      expect((await failure({ url })).code).toBe('address_refused');
      expect(fetched).not.toHaveBeenCalled();
    },
  );

  it('reaches loopback in local runs', async () => {
    const fetched = answering(() => new Response());
    await createEgress({ local: true, selfHosts: [], instance: '' }).send(request({ url: 'http://127.0.0.1:9100/v1' }));
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it.each(['https://gateway.example.com/v1', 'https://GATEWAY.example.com:8443/v1', 'https://other.example.com:8443/'])(
    'sees that %s is itself',
    async (url) => {
      expect((await failure({ url })).code).toBe('loop_detected');
    },
  );

  it('takes a host with a port for that port alone', async () => {
    answering(() => new Response());
    expect((await egress.send(request({ url: 'https://other.example.com/' }))).status).toBe(200);
    const onDefaultPort = createEgress({ local: false, selfHosts: ['Other.example.com:443'], instance: '' });
    await expect(onDefaultPort.send(request({ url: 'https://other.example.com/' }))).rejects.toMatchObject({ code: 'loop_detected' });
  });

  it('keeps the reason of a failed connection to the log', async () => {
    const cause = new TypeError('connect ECONNREFUSED https://api.example.com/v1 sk-secret');
    answering(() => Promise.reject(cause));
    const error = await failure({});
    expect(error).toMatchObject({ code: 'upstream_unreachable', fault: 'upstream', retryable: true });
    expect(error.message).not.toMatch(/example|secret|ECONN/);
    expect(error.details.cause ?? error.cause).toBe(cause);
  });

  it('rejects with the reason of an abort, before and during the call', async () => {
    const reason = new GatewayError('upstream_timeout', 'too slow');
    const fetched = answering(() => new Response());
    await expect(egress.send(request({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    expect(fetched).not.toHaveBeenCalled();
    const controller = new AbortController();
    answering(() => {
      controller.abort(reason);
      return Promise.reject(new DOMException('The operation was aborted', 'AbortError'));
    });
    await expect(egress.send(request({ signal: controller.signal }))).rejects.toBe(reason);
  });

  const sentVia = (fetched: ReturnType<typeof answering>) => new Headers(fetched.mock.lastCall?.[1]?.headers).get('via');

  it('names itself in via behind what had come in, and leaves what it was given alone', async () => {
    const fetched = answering(() => new Response());
    const headers = { via: '1.1 edge' };
    await egress.send(request({ headers }));
    expect(sentVia(fetched)).toBe('1.1 edge, 1.1 weir');
    expect(headers).toEqual({ via: '1.1 edge' });
    await createEgress({ local: false, selfHosts: [], instance: 'eu-1' }).send(request({ headers: {} }));
    expect(sentVia(fetched)).toBe('1.1 weir (eu-1)');
  });

  it('is seen by the fifth gateway in a row, not by the fourth', async () => {
    const fetched = answering(() => new Response());
    let via: string | null = null;
    for (let hop = 1; hop <= 4; hop++) {
      expect(isLoop(new Headers(via === null ? {} : { via }))).toBe(false);
      await egress.send(request({ headers: via === null ? {} : { via } }));
      via = sentVia(fetched);
    }
    expect(isLoop(new Headers({ via: via ?? '' }))).toBe(true);
  });

  it('remembers a bounded number of addresses and judges each the same again', async () => {
    const fetched = answering(() => new Response());
    for (let round = 0; round < 2; round++) {
      for (let n = 0; n < 300; n++) await egress.send(request({ url: `https://api.example.com/models/${n}` }));
    }
    expect(fetched.mock.calls[599]?.[0]).toBe('https://api.example.com/models/299');
  });
});

describe('header hygiene', () => {
  const dropped = [
    'connection',
    'keep-alive',
    'proxy-authorization',
    'proxy-connection',
    'proxy-authenticate',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'host',
    'content-length',
    'expect',
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'cf-ipcountry',
    'cf-ray',
    'cf-visitor',
    'cf-worker',
  ];
  const kept = [
    'authorization',
    'x-api-key',
    'content-type',
    'accept',
    'user-agent',
    'traceparent',
    'anthropic-beta',
    'idempotency-key',
    'http-referer',
    'x-title',
    'cf-aig-authorization',
    'cf-access-client-id',
    'x-forward',
    'tenant',
    'hostname',
  ];

  it('drops what belongs to one connection or tells who called, and keeps the rest', () => {
    const headers = travelling(Object.fromEntries([...dropped, ...kept].map((name) => [name, 'x'])));
    expect(Object.keys(headers).sort()).toEqual([...kept].sort());
  });

  it('drops every header that connection lists', () => {
    const headers = travelling({ connection: 'close, X-Tenant,x-user , bad name, ', 'x-tenant': 'a', 'x-user': 'b', 'x-other': 'c' });
    expect(Object.keys(headers)).toEqual(['x-other']);
  });

  it('is idempotent and adds nothing, whatever the headers', () => {
    const name = fc.oneof(fc.constantFrom(...dropped, ...kept), fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.stringMatching(/^[ -~]{0,20}$/))), (pairs) => {
        const headers = Object.fromEntries(pairs);
        const once = travelling(headers);
        expect(travelling(once)).toEqual(once);
        for (const left of Object.keys(once)) {
          expect(once[left]).toBe(headers[left]);
          expect(dropped).not.toContain(left);
        }
      }),
    );
  });
});
