import { GatewayError, outOfTime } from '../../../../core/errors.ts';
import { type JsonObject, parseJson } from '../../../../core/json.ts';
import { readText } from '../../../../core/reader.ts';
import type { CredentialContext } from '../credential.ts';
import type { SourceContext, SourceHome } from '../source.ts';
import type { GraphQlRequest } from './operations.ts';
import { introspected } from './schema.ts';

/** Bytes of a schema, which the largest public ones stay below. */
const MOST = 16 * 1024 * 1024;
/** Milliseconds for which a schema is good, and for which it is still used where it cannot be asked for again. */
const FRESH = 10 * 60_000;
const USABLE = 24 * 3_600_000;

const REF = 'kind name '.concat('ofType { kind name '.repeat(9), '}'.repeat(9));
const INPUT = `name description defaultValue type { ${REF} }`;

/** Asks for what `schema.ts` reads and no more, in fields that servers of the specification of 2018 have already. */
export const INTROSPECTION = `query Schema { __schema { queryType { name } mutationType { name } types {
  kind name description
  fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { ${INPUT} } type { ${REF} } }
  inputFields { ${INPUT} }
  enumValues(includeDeprecated: false) { name description }
  possibleTypes { name }
} } }`;

/** How a request goes to the API: with its credential, and with the signal of who waits. */
export type Post = (request: GraphQlRequest, signal: AbortSignal, context: CredentialContext) => Promise<Response>;

const invalid = (why: string) => new GatewayError('upstream_invalid', `The GraphQL API was asked for its schema and gave ${why}.`);

interface Known {
  readonly schema: JsonObject;
  readonly at: number;
}

/** Schemas that an isolate keeps: a large one takes tens of megabytes. */
const KEPT = 8;
/** By what is asked and how: each session opens its sources anew, and a schema is too large to be asked for in each. */
const known = new Map<string, Known>();

function keep(settings: string, one: Known): void {
  known.delete(settings);
  known.set(settings, one);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) return;
    known.delete(oldest);
  }
}

/** The schema that an API says it has, asked for when it is needed and now and then again; one that was good stays where a new one is not. */
export class RemoteSchema {
  readonly #post: Post;
  readonly #home: SourceHome;
  readonly #settings: string;

  /** `settings`: the same for sources that would be given the same, and for no others. */
  constructor(settings: string, post: Post, home: SourceHome) {
    this.#settings = settings;
    this.#post = post;
    this.#home = home;
  }

  /** `whose`: among whom it may be shared. The same object as long as it was not asked for again. Throws what the way out throws, `upstream_timeout` and `upstream_invalid`. */
  async read(context: CredentialContext & Pick<SourceContext, 'signal'>, whose: string): Promise<JsonObject> {
    const place = `${whose} ${this.#settings}`;
    const { clock } = this.#home.ports;
    const before = known.get(place);
    const age = before === undefined ? Number.POSITIVE_INFINITY : clock.now() - before.at;
    if (before !== undefined && age < FRESH) return before.schema;
    try {
      const schema = await this.#fetch(context);
      keep(place, { schema, at: clock.now() });
      return schema;
    } catch (thrown) {
      if (before === undefined || age >= USABLE) throw thrown;
      return before.schema;
    }
  }

  async #fetch({ signal, ...context }: CredentialContext & Pick<SourceContext, 'signal'>): Promise<JsonObject> {
    const timeout = AbortSignal.timeout(this.#home.limits.timeout);
    try {
      const response = await this.#post({ query: INTROSPECTION, variables: {} }, AbortSignal.any([signal, timeout]), context);
      const text = await readText(response, MOST);
      if (text === undefined) throw invalid(`more than ${MOST} bytes`);
      const schema = introspected(parseJson(text));
      if (schema !== undefined) return schema;
      throw invalid(response.ok ? 'none: where it does not answer introspection, `schema` holds it' : `the status ${response.status}`);
    } catch (thrown) {
      if (timeout.aborted && !signal.aborted)
        throw outOfTime(`The GraphQL API did not give its schema within ${this.#home.limits.timeout} ms.`);
      throw thrown;
    }
  }
}
