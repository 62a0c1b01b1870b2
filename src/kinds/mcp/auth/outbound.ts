import { addressFault } from '../../../core/address.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import type { Clock, Egress } from '../../../core/ports.ts';
import { readText } from '../../../core/reader.ts';

/** Milliseconds that an authorization server may take for one request. */
const TIMEOUT = 10_000;
/** Bytes of an answer of one. */
const MOST = 256 * 1024;

/** With what authorization servers are asked. */
export interface Outbound {
  readonly egress: Egress;
  readonly clock: Clock;
  /** Whether loopback may be named. */
  readonly local: boolean;
}

/** What is wrong with an authorization server or what it says: the operator is told, and nothing is shown to it. */
export const distrust = (why: string, cause?: unknown): GatewayError =>
  new GatewayError('upstream_authorization', `No credential for the server could be got: ${why}.`, { cause });

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Absent where the answer was no JSON object. */
  readonly body: JsonObject | undefined;
}

interface JsonRequest {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string;
  /** What it is, for who reads the error. */
  readonly what: string;
}

/** Asks an authorization server. The way out refuses private addresses and redirects. Throws `upstream_authorization`. */
export async function askJson({ egress }: Outbound, { url, method = 'GET', headers = {}, body, what }: JsonRequest): Promise<JsonAnswer> {
  const signal = AbortSignal.timeout(TIMEOUT);
  try {
    const request = { url, method, headers: { accept: 'application/json', ...headers }, signal };
    const response = await egress.send(body === undefined ? request : { ...request, body });
    const text = await readText(response, MOST);
    const value = text === undefined ? undefined : parseJson(text);
    return { status: response.status, headers: response.headers, body: isObject(value) ? value : undefined };
  } catch (thrown) {
    if (signal.aborted) throw distrust(`${what} did not answer in time`, thrown);
    const refused = thrown instanceof GatewayError && thrown.code === 'address_refused';
    throw distrust(refused ? `the address of ${what} is refused: it is not a public https address` : `${what} cannot be reached`, thrown);
  }
}

/** An address that was found in what others say, in its normal form. Throws `upstream_authorization` where nobody may be sent there. */
export function checkedUrl(value: unknown, what: string, local: boolean): string {
  const url = typeof value === 'string' && value.length <= 2_048 ? URL.parse(value) : null;
  if (url === null) throw distrust(`${what} is not a URL`);
  const fault = addressFault(url, local);
  if (fault !== undefined) throw distrust(`the address of ${what} is refused: ${fault}`);
  return url.href;
}
