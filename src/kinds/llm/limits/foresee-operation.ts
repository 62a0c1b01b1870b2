import { modelAt } from '../../../catalogue/cost.ts';
import type { Usage } from '../../../core/chat.ts';
import { GatewayError } from '../../../core/errors.ts';
import { estimateTokens } from '../../../core/estimate.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { OperationCall, OperationName } from '../../../core/operation.ts';
import type { PlanProvider } from '../../../core/plan.ts';
import type { Target } from '../../../core/strategy.ts';
import { encodingOf } from '../../../core/tokens/encoding.ts';
import { factorOf } from '../../../core/tokens/factors.ts';
import { picturesOf } from '../operations/images.ts';
import { count, numeric } from '../operations/usage.ts';
import { type AudioLength, audioLength } from './audio-length.ts';
import { HEADROOM, MEDIA_TOKENS, MOST } from './margins.ts';
import { pictureTokens } from './picture-tokens.ts';

/** Tokens of an input beside its text: marks at its begin and its end. */
const MARKS = 2;
/** Tokens of a picture that is edited: https://platform.openai.com/docs/guides/image-generation, at high fidelity. */
const EDITED_PICTURE = 7_000;

/** Tokens of a second of speech that a model makes, by the vendors who say: OpenAI some 21 of gpt-4o-mini-tts, Gemini 25. */
const SPOKEN_TOKENS = 25;
/** Seconds in which a token's text is spoken: usually, and where it is numbers or spoken with pauses. */
const SPOKEN_SECONDS = { about: 0.3, most: 0.5 };
/** Tokens of a second of speech that a model hears: OpenAI 10, Gemini 32; and those of what it writes about a second. */
const HEARD_TOKENS = 32;
const HEARD_TOKENS_OPENAI = 10;
const WRITTEN_TOKENS = 8;

/** Tokens of a document that are ranked together with the query, and the documents of one search: https://docs.cohere.com/docs/rerank-overview */
const CHUNK = 500;
const SEARCHED = 100;

interface Asked {
  readonly body: JsonObject;
  readonly call: OperationCall;
  /** No fewer tokens than a text has. */
  tokensOf(text: string): number;
  /** Of the model that will be asked, where they are known. */
  readonly context: number;
  readonly model: string;
}

/** Those that ask a model once; the others have ways of their own. */
type AskedOnce = Exclude<OperationName, 'files' | 'batches' | 'realtime' | 'models'>;

const texts = (asked: Asked): Usage => ({ input: inputOf(asked), output: 0 });

const foreseers: { readonly [name in AskedOnce]: (asked: Asked) => Usage } = {
  embeddings: texts,
  moderations: texts,
  rerank,
  'image-generation': images,
  'image-edit': images,
  'image-variation': images,
  speech,
  transcription,
  'audio-translation': transcription,
};

/** What a call of an operation may come to, at most. Throws `invalid_request` where that cannot be known. */
export async function usageOfOperation(
  call: OperationCall,
  target: Target,
  provider: PlanProvider,
  exchange: Exchange,
  at: number,
): Promise<Usage> {
  const tokensOf = await counterFor(target.model, exchange);
  const context = modelAt(provider, target.model, at)?.card.context ?? Number.POSITIVE_INFINITY;
  return bounded(foreseerOf(call.operation)({ body: bodyOf(call), call, tokensOf, context, model: target.model }));
}

function foreseerOf(name: OperationName): (asked: Asked) => Usage {
  const found = Object.entries(foreseers).find(([known]) => known === name)?.[1];
  if (found === undefined) throw new GatewayError('internal', `Nothing foresees what a call of ${name} may come to.`);
  return found;
}

/** A form's text fields that were not known when the call was read stand behind its files. */
const bodyOf = ({ wire, form }: OperationCall): JsonObject => ({ ...form?.fields, ...wire.json() });

/** Counted exactly where the vocabulary is known. */
async function counterFor(model: string, exchange: Exchange): Promise<(text: string) => number> {
  const encoding = encodingOf(model);
  if (encoding !== undefined) {
    const tokenizer = await exchange.ports.tokens.of(encoding);
    return (text) => tokenizer.count(text);
  }
  const factor = factorOf(model).factor * HEADROOM;
  return (text) => Math.ceil(estimateTokens(text) * factor) + MARKS;
}

const bounded = (usage: Usage): Usage => {
  const entries = Object.entries(usage).map(([name, value]) => [name, typeof value === 'number' ? Math.min(value, MOST) : value]);
  return { ...usage, ...Object.fromEntries(entries) };
};

/** All texts of a call, token numbers, and what else is embedded. */
function inputOf({ body, call, tokensOf }: Asked): number {
  return textTokens(call, tokensOf) + numbersIn(body.input) + mediaIn(body) * MEDIA_TOKENS;
}

function textTokens(call: OperationCall, tokensOf: (text: string) => number): number {
  let tokens = 0;
  call.texts((text) => {
    tokens += tokensOf(text);
    return text;
  });
  return tokens;
}

/** Embeddings may be asked for by token numbers: each is one. */
function numbersIn(value: Json | undefined): number {
  if (typeof value === 'number') return 1;
  return isArray(value) ? value.reduce<number>((sum, each) => sum + numbersIn(each), 0) : 0;
}

/** How vendors call what is not text. */
const MEDIA = new Set([
  'image',
  'images',
  'image_url',
  'image_base64',
  'video',
  'video_url',
  'audio',
  'inlineData',
  'inline_data',
  'fileData',
  'file_data',
]);

function mediaIn(value: Json | undefined): number {
  if (isArray(value)) return value.reduce<number>((sum, each) => sum + mediaIn(each), 0);
  if (!isObject(value)) return 0;
  return Object.entries(value).reduce(
    (sum, [name, each]) => sum + (MEDIA.has(name) ? (isArray(each) ? each.length : 1) : mediaIn(each)),
    0,
  );
}

/** The query is read anew with each document, and documents that are too long are cut, which some vendors charge by. */
function rerank({ body, call, tokensOf }: Asked): Usage {
  const documents = isArray(body.documents) ? body.documents : [];
  const query = typeof body.query === 'string' ? tokensOf(body.query) : 0;
  const room = Math.max(1, CHUNK - query);
  let chunks = 0;
  for (const document of documents) {
    const text = isObject(document) ? (typeof document.text === 'string' ? document.text : JSON.stringify(document)) : document;
    chunks += Math.max(1, Math.ceil(tokensOf(typeof text === 'string' ? text : '') / room));
  }
  const input = textTokens(call, tokensOf) + Math.max(0, chunks - 1) * query + mediaIn(body) * MEDIA_TOKENS;
  return { input, output: 0, searches: Math.max(1, Math.ceil(chunks / SEARCHED)) };
}

/** Each picture is made as if it had been asked for alone. */
function images({ body, call, tokensOf }: Asked): Usage {
  const number = picturesOf(body);
  const edited = call.form === undefined ? mediaIn(body) : call.form.files.length;
  const output = number * pictureTokens(body.size, body.quality, count(numeric(body.partial_images)) ?? 0);
  const imageInput = number * edited * EDITED_PICTURE;
  return { input: number * textTokens(call, tokensOf) + imageInput, imageInput, output, imageOutput: output, images: number };
}

function speech(asked: Asked): Usage {
  const { body, call, tokensOf } = asked;
  const seconds = spokenSeconds(body, textTokens(call, tokensOf), SPOKEN_SECONDS.most);
  const output = Math.ceil(seconds * SPOKEN_TOKENS);
  const characters = typeof body.input === 'string' ? [...body.input].length : 0;
  return { input: inputOf(asked), output, audioOutput: output, seconds, characters };
}

/** A voice may be slowed down to a quarter of its speed. */
function spokenSeconds(body: JsonObject, tokens: number, secondsOfToken: number): number {
  const speed = count(numeric(body.speed)) ?? 1;
  return Math.ceil((tokens * secondsOfToken) / Math.min(1, Math.max(0.25, speed)));
}

function transcription({ call, tokensOf, context, model }: Asked): Usage {
  const { most } = lengthOf(call);
  const heard = Math.min(context, Math.ceil(most * (encodingOf(model) === undefined ? HEARD_TOKENS : HEARD_TOKENS_OPENAI)));
  const written = Math.min(context, Math.ceil(most * WRITTEN_TOKENS));
  return { input: textTokens(call, tokensOf) + heard, audioInput: heard, output: written, seconds: Math.ceil(most) };
}

/** Seconds of all recordings of a call. Throws where none is here to be looked at: what stands at an address may be of any length. */
function lengthOf({ form }: OperationCall): AudioLength {
  const files = form?.files ?? [];
  if (files.length === 0) {
    throw new GatewayError('invalid_request', 'Send the recording as a file of a form: what it may cost must be known first.', {
      param: 'file',
    });
  }
  const lengths = files.map(audioLength);
  return {
    most: lengths.reduce((sum, { most }) => sum + most, 0),
    about: lengths.reduce((sum, { about }) => sum + about, 0),
  };
}

/**
 * What a call came to whose vendor did not say, beside what its texts and its answer show: the vendor was asked and
 * bills. Recordings are looked at where they are here; those that flowed through were not.
 */
export function unsaidUsage(call: OperationCall): Partial<Usage> {
  const body = bodyOf(call);
  switch (call.operation) {
    case 'image-generation':
    case 'image-edit':
    case 'image-variation': {
      const output = picturesOf(body) * pictureTokens(body.size, body.quality);
      return { output, imageOutput: output };
    }
    case 'speech': {
      const seconds = spokenSeconds(body, textTokens(call, estimateTokens), SPOKEN_SECONDS.about);
      const output = Math.ceil(seconds * SPOKEN_TOKENS);
      return { output, audioOutput: output, seconds };
    }
    case 'transcription':
    case 'audio-translation': {
      if (call.form?.isHeld !== true || call.form.files.length === 0) return {};
      const { about } = lengthOf(call);
      const heard = Math.ceil(about * HEARD_TOKENS_OPENAI);
      return { input: heard, audioInput: heard, seconds: about };
    }
    default:
      return {};
  }
}
