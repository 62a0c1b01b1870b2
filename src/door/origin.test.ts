import { expect, it } from 'vitest';
import { originOf, tlsClientOf } from './origin.ts';

const request = (headers: { readonly [name: string]: string }, country?: string) =>
  new Request('https://gateway/', {
    headers,
    ...(country === undefined ? {} : { cf: { country, tlsClientAuth: { certPresented: '1' } } }),
  });
const asked = (headers: { readonly [name: string]: string }, country?: string, edge = true) => originOf(request(headers, country), edge);

it('takes what the edge says, and nothing that others may write', () => {
  expect(asked({ 'cf-connecting-ip': '192.0.2.1' }, 'DE')).toEqual({ ip: '192.0.2.1', country: 'DE' });
  expect(tlsClientOf(request({}, 'DE'), true)).toEqual({ certPresented: '1' });
  expect(asked({ 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1', 'true-client-ip': '192.0.2.1', 'cf-ipcountry': 'DE' })).toEqual({
    ip: undefined,
    country: undefined,
  });
});

it('believes nobody what an edge would say where there is none', () => {
  expect(asked({}, 'DE', false)).toEqual({ ip: undefined, country: undefined });
  expect(tlsClientOf(request({}, 'DE'), false)).toBeUndefined();
});
