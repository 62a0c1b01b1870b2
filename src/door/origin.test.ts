import { expect, it } from 'vitest';
import { originOf } from './origin.ts';

const asked = (headers: { readonly [name: string]: string }, country?: string) =>
  originOf(new Request('https://gateway/', { headers, ...(country === undefined ? {} : { cf: { country } }) }));

it('takes what the edge says, and nothing that others may write', () => {
  expect(asked({ 'cf-connecting-ip': '192.0.2.1' }, 'DE')).toEqual({ ip: '192.0.2.1', country: 'DE' });
  expect(asked({ 'x-forwarded-for': '192.0.2.1', 'x-real-ip': '192.0.2.1', 'true-client-ip': '192.0.2.1', 'cf-ipcountry': 'DE' })).toEqual({
    ip: undefined,
    country: undefined,
  });
});
