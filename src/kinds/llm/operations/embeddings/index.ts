import { GatewayError } from '../../../../core/errors.ts';
import { asNumber, isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { OperationCall } from '../../../../core/operation.ts';
import { editFields, modelHead, type Operation, type Translation } from '../operation.ts';
import { readUsage } from '../usage.ts';
import { readAiSdk, writeAiSdk } from './ai-sdk.ts';
import { bedrock } from './bedrock.ts';
import { type EmbeddingCall, type EmbeddingReply, type EmbeddingShape, formatOf, readOpenai, writeOpenai } from './call.ts';
import { cohere } from './cohere.ts';
import { gemini, isBatch, passGemini, readGemini, writeGemini } from './gemini.ts';
import { ollama } from './ollama.ts';
import { asFormat } from './vectors.ts';

/** OpenAI's form for vendors, where the caller speaks another one. Numbers are asked for: every vendor has them. */
const openai: EmbeddingShape = {
  write: ({ inputs, dimensions, purpose, title, others }, model) => ({
    bodies: [
      {
        model,
        input: inputs,
        encoding_format: 'float',
        ...(dimensions === undefined ? {} : { dimensions }),
      },
    ],
    loss: [...(purpose === undefined ? [] : ['taskType']), ...(title === undefined ? [] : ['title']), ...others],
  }),
  read: ([reply = {}], _call, model) => ({ model, vectors: vectorsInOrder(reply), usage: readUsage(reply) }),
};

/** The forms of vendors, by the name that a provider's literal gives. */
const shapes: { readonly [shape: string]: EmbeddingShape } = { openai, gemini, cohere, ollama, bedrock };

/** https://platform.openai.com/docs/api-reference/embeddings */
export const embeddings: Operation = {
  name: 'embeddings',
  path: 'embeddings',
  shape: 'openai',
  head: modelHead,
  texts: editFields(['input']),
  translate(call, shape, model) {
    const body = call.wire.json();
    if (call.shape === 'gemini' && shape === 'gemini') return passGemini(body, model);
    const written = shapes[shape];
    return written === undefined ? undefined : translation(call, written, model);
  },
  settle(call, reply) {
    const format = formatOf(call.wire.json());
    const { data } = reply;
    if (!isArray(data)) throw new GatewayError('upstream_invalid', 'The provider answered an embeddings call without a list of vectors.');
    const settled = data.map((item) => settleItem(item, format));
    return settled.some((item, at) => item !== data[at]) ? { ...reply, data: settled } : reply;
  },
  usage: readUsage,
};

/** A vendor that does not know `encoding_format` answers with numbers to a client that will decode base64. */
function settleItem(item: Json, format: ReturnType<typeof formatOf>): Json {
  if (!isObject(item)) return item;
  const embedding = asFormat(item.embedding, format);
  return embedding === item.embedding ? item : { ...item, embedding };
}

function translation(call: OperationCall, shape: EmbeddingShape, model: string): Translation {
  const body = call.wire.json();
  const asked = (readers[call.shape] ?? readOpenai)(body);
  const { bodies, loss } = shape.write(asked, model);
  return {
    bodies,
    loss,
    answer(replies) {
      const reply = shape.read(replies, asked, model);
      return { body: writeFor(call, body, asked, reply), ...(reply.usage === undefined ? {} : { usage: reply.usage }) };
    },
  };
}

/** How callers' own forms are read, where they are not OpenAI's. */
const readers: { readonly [shape: string]: (body: JsonObject) => EmbeddingCall } = { gemini: readGemini, 'ai-sdk': readAiSdk };

function writeFor(call: OperationCall, body: JsonObject, { format }: EmbeddingCall, reply: EmbeddingReply): JsonObject {
  if (call.shape === 'gemini') return writeGemini(reply, isBatch(body));
  return call.shape === 'ai-sdk' ? writeAiSdk(reply) : writeOpenai(reply, format);
}

/** By `index`, which is the only thing that says which input a vector belongs to. */
function vectorsInOrder({ data }: JsonObject): readonly Json[] {
  const items = isArray(data) ? data.filter(isObject) : [];
  return items.toSorted((a, b) => (asNumber(a.index) ?? 0) - (asNumber(b.index) ?? 0)).map(({ embedding }) => embedding ?? null);
}
