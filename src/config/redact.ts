import { isObject } from '../core/json.ts';
import { REDACTED } from './schema.ts';

/** The document with every literal key hidden; a copy, so that what is shown can never be what is served. */
export function redact(document: unknown): unknown {
  if (!isObject(document) || !isObject(document.providers)) return document;
  const providers = Object.entries(document.providers).map(([id, provider]) => [id, redactProvider(provider)]);
  return { ...document, providers: Object.fromEntries(providers) };
}

function redactProvider(provider: unknown): unknown {
  if (!isObject(provider) || !isObject(provider.key) || !('value' in provider.key)) return provider;
  return { ...provider, key: { ...provider.key, value: REDACTED } };
}
