import { decodeBase64, encodeBase64 } from '../../../../core/base64.ts';
import { GatewayError } from '../../../../core/errors.ts';
import { isArray, type Json } from '../../../../core/json.ts';

/** How a caller wants a vector: numbers, or the base64 of little-endian 32-bit floats (OpenAI's `encoding_format`). */
export type VectorFormat = 'float' | 'base64';

const notVectors = () => new GatewayError('upstream_invalid', 'The provider answered an embeddings call without vectors.');

/** A vector in the form that was asked for; the same value where it has it already. Throws `upstream_invalid`. */
export function asFormat(vector: Json | undefined, format: VectorFormat): Json {
  if (typeof vector === 'string') return format === 'base64' ? vector : floatsOf(vector);
  if (!isArray(vector)) throw notVectors();
  return format === 'float' ? vector : base64Of(vector);
}

function base64Of(vector: readonly Json[]): string {
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [at, value] of vector.entries()) {
    if (typeof value !== 'number') throw notVectors();
    view.setFloat32(at * 4, value, true);
  }
  return encodeBase64(new Uint8Array(view.buffer));
}

function floatsOf(text: string): readonly number[] {
  const bytes = decodeBase64(text);
  if (bytes === undefined || bytes.length % 4 !== 0) throw notVectors();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true));
}

/** The vectors of a vendor's answer, as many as were asked for. Throws `upstream_invalid`. */
export function vectorsOf(value: Json | undefined, expected: number): readonly Json[] {
  if (!isArray(value) || value.length !== expected) throw notVectors();
  return value;
}
