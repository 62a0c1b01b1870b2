import { LINK_FOR } from '../../kinds/mcp/auth/link.ts';

// What a browser is told that saw the page of a link, and must show again.

export const randomText = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Plain http there is on loopback alone, and knows no `__Host-`. */
const cookieName = ({ url }: Request): string => (url.startsWith('https:') ? '__Host-weir-connect' : 'weir-connect');
const attributes = (request: Request, age: number): string =>
  `Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${request.url.startsWith('https:') ? '; Secure' : ''}`;
export const cookie = (request: Request, value: string): string =>
  `${cookieName(request)}=${value}; ${attributes(request, LINK_FOR / 1000)}`;
export const clearedCookie = (request: Request): string => `${cookieName(request)}=; ${attributes(request, 0)}`;

export function browserOf(request: Request): string | undefined {
  const name = `${cookieName(request)}=`;
  const found = (request.headers.get('cookie') ?? '')
    .split(';')
    .map((each) => each.trim())
    .find((each) => each.startsWith(name));
  const value = found?.slice(name.length) ?? '';
  return /^[\da-f]{64}$/.test(value) ? value : undefined;
}
