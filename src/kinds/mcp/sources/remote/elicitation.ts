import { GatewayError } from '../../../../core/errors.ts';
import { isArray, isObject, type JsonObject } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import { RpcError } from '../../wire/errors.ts';
import type { Question, SourceContext } from '../source.ts';

/** 2025-11-25, "URL Elicitation Required": what has to be opened before the request can be served. */
const URL_ELICITATION_REQUIRED = -32042;
/** Times a client is sent somewhere before its request is served. */
const MOST_ROUNDS = 16;

const isUrl = ({ method, params }: Question) => method === 'elicitation/create' && params.mode === 'url';

/** The question as clients of the given era know it: those of 2025-11-25 want an id for an address that is to be opened, later ones have none. */
export function questionFor(question: Question, { client }: SourceContext): Question {
  if (!isUrl(question)) return question;
  const { elicitationId, ...params } = question.params;
  if (client.era === 'modern') return { ...question, params };
  return { ...question, params: { ...params, elicitationId: elicitationId ?? `weir-${crypto.randomUUID()}` } };
}

/**
 * A request to a server that refuses it until its user has opened an address. A client without sessions does not know
 * the refusal: it is asked to open the address, as such clients are, and the request is sent again.
 */
export async function afterConsent(context: SourceContext, call: () => Promise<Wire>): Promise<Wire> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    try {
      return await call();
    } catch (thrown) {
      const wanted = thrown instanceof RpcError ? elicitationsIn(thrown) : [];
      if (wanted.length === 0 || !opensUrls(context)) throw thrown;
      const answers = await Promise.all(
        wanted.map((params) => context.ask(questionFor({ method: 'elicitation/create', params }, context))),
      );
      if (!answers.every(({ action }) => action === 'accept')) throw thrown;
    }
  }
  throw new GatewayError('upstream_invalid', `The MCP server sent its user to open an address ${MOST_ROUNDS} times and served nothing.`);
}

const opensUrls = ({ client: { capabilities } }: SourceContext) =>
  isObject(capabilities.elicitation) && isObject(capabilities.elicitation.url);

function elicitationsIn({ code, data }: RpcError): readonly JsonObject[] {
  if (code !== URL_ELICITATION_REQUIRED || !isObject(data) || !isArray(data.elicitations)) return [];
  return data.elicitations.filter(isObject).filter(({ mode }) => mode === 'url');
}
