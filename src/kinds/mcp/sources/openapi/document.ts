import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readText } from '../../../../core/reader.ts';
import type { SourceContext, SourceHome } from '../source.ts';

/** Bytes of a document, which are far above any that a model could use the tools of. */
const MOST = 8 * 1024 * 1024;
/** Milliseconds for which a document that was fetched is good, and for which it is still used where it cannot be fetched again. */
const FRESH = 10 * 60_000;
const USABLE = 24 * 3_600_000;

const invalid = (why: string, cause?: unknown) =>
  new GatewayError('upstream_invalid', `The address of the OpenAPI document gives ${why}.`, { cause });

/** Whether a value is an OpenAPI 3 document, as far as its head says. */
export const isOpenApi = (value: unknown): value is JsonObject =>
  isObject(value) && typeof value.openapi === 'string' && /^3\.\d/.test(value.openapi);

interface Known {
  readonly document: JsonObject;
  readonly at: number;
}

/** Documents that an isolate keeps, by their addresses: each session opens its sources anew, and would read them in each. */
const KEPT = 8;
const known = new Map<string, Known>();

function keep(url: string, one: Known): void {
  known.delete(url);
  known.set(url, one);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) return;
    known.delete(oldest);
  }
}

/** A document that lies somewhere else, read when it is needed and now and then again; a document that was good stays where a new one is not. */
export class RemoteDocument {
  readonly #url: string;
  readonly #home: SourceHome;

  constructor(url: string, home: SourceHome) {
    this.#url = url;
    this.#home = home;
  }

  /** The same object as long as it is the same document. Throws what the way out throws, and `upstream_invalid`. */
  async read({ signal }: Pick<SourceContext, 'signal'>): Promise<JsonObject> {
    const { clock } = this.#home.ports;
    const before = known.get(this.#url);
    const age = before === undefined ? Number.POSITIVE_INFINITY : clock.now() - before.at;
    if (before !== undefined && age < FRESH) return before.document;
    try {
      const document = await this.#fetch(signal);
      keep(this.#url, { document, at: clock.now() });
      return document;
    } catch (thrown) {
      if (before === undefined || age >= USABLE) throw thrown;
      return before.document;
    }
  }

  async #fetch(signal: AbortSignal): Promise<JsonObject> {
    const { ports, limits } = this.#home;
    const timeout = AbortSignal.timeout(limits.timeout);
    const response = await ports.egress.send({
      url: this.#url,
      method: 'GET',
      headers: { accept: 'application/json' },
      signal: AbortSignal.any([signal, timeout]),
    });
    if (!response.ok) {
      await response.body?.cancel().catch(() => undefined);
      throw invalid(`the status ${response.status}`);
    }
    const text = await readText(response, MOST);
    if (text === undefined) throw invalid(`more than ${MOST} bytes`);
    const value = parseJson(text);
    if (!isOpenApi(value)) throw invalid('something that is no OpenAPI 3 document in JSON');
    return value;
  }
}

/** Where the API answers, as its document says it (4.8.5), with the defaults of what is open in it. */
export function serverOf({ servers }: JsonObject): string | undefined {
  const [first] = isArray(servers) ? servers : [];
  if (!isObject(first) || typeof first.url !== 'string') return undefined;
  const variables = isObject(first.variables) ? first.variables : {};
  const url = first.url.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    return isObject(variable) && typeof variable.default === 'string' ? variable.default : whole;
  });
  return URL.canParse(url) ? url : undefined;
}
