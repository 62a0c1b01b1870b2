/** Where a model lives is not its name: Gemini's and Vertex AI's paths, an inference profile's ARN on Bedrock. */
const PLACE = /^(?:models\/|publishers\/[^/]+\/models\/|arn:[^/]*\/)/;
/** Inference profiles: https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html */
const REGION = /^(?:us-gov|us|eu|apac|global|jp|au|ca|in|sa|me|af)\./;
/** Bedrock's `-v1:0`, dates, Vertex AI's `@20250514` and `@default`. */
const VERSION = /(?:-v\d+:\d+|[-@]20\d{2}(?:[01]\d[0-3]\d|-[01]\d-[0-3]\d)|@(?:default|latest))$/;
const VENDOR = /^[^/]+\//;

/** Longer than any vendor's name of a model. */
const MOST = 256;

/** The names under which a model may be listed, the most exact first, in lower case. */
export function namesOf(model: string): readonly string[] {
  if (model.length > MOST) return [];
  const whole = model.toLowerCase().trim();
  const bare = whole.replace(PLACE, '');
  const names = [whole, bare];
  for (const place of [bare, bare.replace(REGION, ''), bare.replace(VENDOR, '')]) names.push(place, ...withoutVersions(place));
  return [...new Set(names)];
}

function withoutVersions(name: string): readonly string[] {
  const once = name.replace(VERSION, '');
  return once === name ? [] : [once, once.replace(VERSION, '')];
}
