import { invalid, optionalCount, optionalString, requiredObject } from '../../../../core/fields.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { OperationBody } from '../../../../core/operation.ts';
import type { Translation } from '../operation.ts';
import { count } from '../usage.ts';
import type { EmbeddingCall, EmbeddingReply, EmbeddingShape } from './call.ts';
import { asFormat, vectorsOf } from './vectors.ts';

// https://ai.google.dev/api/embeddings: `embedContent` takes one content, `batchEmbedContents` a list of such requests.

/** Gemini's words for what vectors are for, and Cohere's. */
const PURPOSES: readonly (readonly [gemini: string, cohere: string])[] = [
  ['RETRIEVAL_DOCUMENT', 'search_document'],
  ['RETRIEVAL_QUERY', 'search_query'],
  ['CLASSIFICATION', 'classification'],
  ['CLUSTERING', 'clustering'],
];

const KNOWN = new Set(['model', 'content', 'taskType', 'task_type', 'title', 'outputDimensionality', 'output_dimensionality']);

export const isBatch = (body: JsonObject): boolean => body.requests !== undefined;

const requestsOf = (body: JsonObject): readonly JsonObject[] => {
  if (!isBatch(body)) return [body];
  if (!isArray(body.requests) || body.requests.length === 0) throw invalid('requests', 'a list of requests');
  return body.requests.map((each, at) => requiredObject(each, `requests[${at}]`));
};

/** A client's call; all its requests must ask for the same, since no other vendor lets them differ. */
export function readGemini(body: JsonObject): EmbeddingCall {
  const requests = requestsOf(body);
  const [first = {}] = requests;
  const settings = settingsOf(first);
  const same = JSON.stringify(settings);
  if (requests.some((each) => JSON.stringify(settingsOf(each)) !== same)) {
    throw invalid('requests', 'alike but for their contents where another vendor serves the model');
  }
  return {
    inputs: requests.map(({ content }, at) => textOf(content, isBatch(body) ? `requests[${at}].content` : 'content')),
    dimensions: settings.dimensions,
    format: 'float',
    purpose: PURPOSES.find(([gemini]) => gemini === settings.task)?.[1],
    title: settings.title,
    others: [
      ...(settings.task !== undefined && !PURPOSES.some(([gemini]) => gemini === settings.task) ? ['taskType'] : []),
      ...Object.keys(first).filter((name) => !KNOWN.has(name)),
    ],
  };
}

const settingsOf = (request: JsonObject) => ({
  dimensions: optionalCount(request.outputDimensionality ?? request.output_dimensionality, 'outputDimensionality'),
  task: optionalString(request.taskType ?? request.task_type, 'taskType'),
  title: optionalString(request.title, 'title'),
});

function textOf(content: Json | undefined, field: string): string {
  const parts = isObject(content) ? content.parts : undefined;
  if (!isArray(parts) || parts.length === 0) throw invalid(field, 'a content with parts');
  return parts
    .map((part) => {
      if (!isObject(part) || typeof part.text !== 'string') throw invalid(field, 'text where another vendor serves the model');
      return part.text;
    })
    .join('\n');
}

/** How policies see a client's call; the model stands in the address. */
export const geminiBody = (model: string): OperationBody => ({
  head: () => ({ model, stream: false, wantsUsage: true }),
  texts(body, edit) {
    if (!isBatch(body)) return editRequest(body, edit);
    if (!isArray(body.requests)) return body;
    const before = body.requests;
    const requests = before.map((each) => (isObject(each) ? editRequest(each, edit) : each));
    return requests.some((each, at) => each !== before[at]) ? { ...body, requests } : body;
  },
});

function editRequest(request: JsonObject, edit: (text: string) => string): JsonObject {
  const { content } = request;
  const title = typeof request.title === 'string' ? edit(request.title) : request.title;
  const titled = title === request.title ? request : { ...request, title };
  if (!isObject(content) || !isArray(content.parts)) return titled;
  const before = content.parts;
  const parts = before.map((part) => {
    if (!isObject(part) || typeof part.text !== 'string') return part;
    const text = edit(part.text);
    return text === part.text ? part : { ...part, text };
  });
  return parts.some((part, at) => part !== before[at]) ? { ...titled, content: { ...content, parts } } : titled;
}

/** A client's call for Gemini itself: nothing is lost, only one request becomes a list of one. */
export function passGemini(body: JsonObject, model: string): Translation {
  const requests = requestsOf(body).map((request) => ({ ...request, model: `models/${model}` }));
  return {
    bodies: [{ ...(isBatch(body) ? body : {}), requests }],
    loss: [],
    answer([reply = {}]) {
      const usage = usageOf(reply);
      const [embedding] = vectorsOf(reply.embeddings, requests.length);
      const { embeddings: _, ...others } = reply;
      return { body: isBatch(body) ? reply : { embedding, ...others }, ...(usage === undefined ? {} : { usage }) };
    },
  };
}

export const gemini: EmbeddingShape = {
  write({ inputs, dimensions, purpose, title, others }, model) {
    const taskType = PURPOSES.find(([, cohere]) => cohere === purpose)?.[0];
    const settings = {
      ...(taskType === undefined ? {} : { taskType }),
      ...(title === undefined ? {} : { title }),
      ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
    };
    const requests = inputs.map((text) => ({ model: `models/${model}`, content: { parts: [{ text }] }, ...settings }));
    return { bodies: [{ requests }], loss: [...(purpose !== undefined && taskType === undefined ? ['input_type'] : []), ...others] };
  },
  read([reply = {}], { inputs }, model) {
    const vectors = vectorsOf(reply.embeddings, inputs.length).map((each) => (isObject(each) ? (each.values ?? null) : null));
    const usage = usageOf(reply);
    return { model, vectors, ...(usage === undefined ? {} : { usage }) };
  },
};

function usageOf({ usageMetadata }: JsonObject) {
  const input = isObject(usageMetadata) ? count(usageMetadata.promptTokenCount) : undefined;
  return input === undefined ? undefined : { input, output: 0 };
}

/** Another vendor's vectors for a client of Gemini. */
export function writeGemini({ vectors }: EmbeddingReply, batch: boolean): JsonObject {
  const embeddings = vectors.map((vector) => ({ values: asFormat(vector, 'float') }));
  return batch ? { embeddings } : { embedding: embeddings[0] };
}
