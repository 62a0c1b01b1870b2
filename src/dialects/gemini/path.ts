/** Streams are always asked for as events: the other form, one JSON array, is for clients alone. */
const verbOf = (stream: boolean): string => (stream ? 'streamGenerateContent?alt=sse' : 'generateContent');

/** Below the version; a model that names its collection (`tunedModels/…`) stands as it is. */
export function pathOf(model: string, stream: boolean): string {
  const [collection = '', ...name] = model.split('/');
  const isNamed = name.length === 1 && COLLECTIONS.has(collection) && !/^\.*$/.test(name[0] ?? '');
  const path = isNamed ? `${collection}/${encodeURIComponent(name[0] ?? '')}` : `models/${encodeURIComponent(model)}`;
  return `/${path}:${verbOf(stream)}`;
}

const COLLECTIONS = new Set(['models', 'tunedModels']);

/** The same model's other verb. Source: https://ai.google.dev/api/tokens */
export const countingUrl = (answering: string): string | undefined =>
  ANSWERS.test(answering) ? answering.replace(ANSWERS, ':countTokens') : undefined;

const ANSWERS = /:(?:streamG|g)enerateContent(?:\?.*)?$/;
