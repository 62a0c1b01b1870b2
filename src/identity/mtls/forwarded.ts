import { decodeBase64 } from '../../core/base64.ts';
import type { JsonObject } from '../../core/json.ts';
import { readCertificate } from './der.ts';
import { partsOf } from './names.ts';

/** Envoy's header has a form of its own. */
export const ENVOY = 'x-forwarded-client-cert';

/**
 * What a proxy says of its caller's certificate: `Client-Cert` (RFC 9440), a PEM in percent-encoding as other proxies send
 * it, or Envoy's `x-forwarded-client-cert`. `undefined` where it cannot be read.
 */
export async function readForwarded(header: string, value: string): Promise<JsonObject | undefined> {
  if (header === ENVOY) return readEnvoy(value);
  const binary = /^:([A-Za-z0-9+/=]*):$/.exec(value.trim())?.[1];
  return factsOf(binary === undefined ? pemBytes(percentDecoded(value)) : decodeBase64(binary));
}

async function factsOf(der: Uint8Array | undefined): Promise<JsonObject | undefined> {
  const names = der === undefined || der.length === 0 ? undefined : readCertificate(der);
  if (der === undefined || names === undefined) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(der)));
  const { parts, ...rest } = names;
  return { fingerprint: hex(digest), ...rest, ...parts };
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** One certificate; a chain behind it is the proxy's affair. */
function pemBytes(text: string): Uint8Array | undefined {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(text)?.[1];
  return body === undefined ? undefined : decodeBase64(body.replace(/\s/g, ''));
}

const PAIR = /([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"]*)/y;

/** Several elements, one a proxy, do not say whose call it is: those are not read (Envoy, "x-forwarded-client-cert"). */
async function readEnvoy(value: string): Promise<JsonObject | undefined> {
  const found: Record<string, string[]> = { hash: [], subject: [], uri: [], dns: [], cert: [] };
  for (let at = 0; at < value.length; ) {
    PAIR.lastIndex = at;
    const [pair, name = '', written = ''] = PAIR.exec(value) ?? [];
    if (pair === undefined) return undefined;
    at += pair.length;
    const text = written.startsWith('"') ? written.slice(1, -1).replace(/\\(.)/g, '$1') : written;
    const key = name.toLowerCase();
    if (Object.hasOwn(found, key)) found[key]?.push(text);
    if (at < value.length && value[at] !== ';') return undefined;
    at += 1;
  }
  const [cert] = found.cert ?? [];
  if (cert !== undefined) return factsOf(pemBytes(percentDecoded(cert)));
  const [[fingerprint], [subject]] = [found.hash ?? [], found.subject ?? []];
  if (fingerprint === undefined || !/^[0-9a-f]{64}$/i.test(fingerprint)) return undefined;
  return {
    fingerprint: fingerprint.toLowerCase(),
    ...(subject === undefined || subject === '' ? {} : { subject, ...partsOf(subject) }),
    uri: (found.uri ?? []).filter((each) => each !== ''),
    dns: (found.dns ?? []).filter((each) => each !== ''),
  };
}
