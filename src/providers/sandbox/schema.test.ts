import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../core/json.ts';
import { isArray, isObject } from '../../core/json.ts';
import { LABEL, minimalInstance } from './schema.ts';

/** A second reading of the vocabulary, so that the instance is not judged by its own maker. */
function satisfies(value: Json | undefined, schema: JsonObject): boolean {
  if (isArray(schema.enum)) return schema.enum.some((each) => JSON.stringify(each) === JSON.stringify(value));
  if (isArray(schema.anyOf)) return schema.anyOf.some((each) => isObject(each) && satisfies(value, each));
  switch (schema.type) {
    case 'object': {
      if (!isObject(value) || !isObject(schema.properties)) return false;
      const properties = schema.properties;
      const required = isArray(schema.required) ? schema.required : [];
      return (
        required.every((name) => typeof name === 'string' && Object.hasOwn(value, name)) &&
        Object.entries(value).every(([name, each]) => isObject(properties[name]) && satisfies(each, properties[name]))
      );
    }
    case 'array':
      return (
        isArray(value) &&
        value.length >= Number(schema.minItems ?? 0) &&
        value.every((each) => isObject(schema.items) && satisfies(each, schema.items))
      );
    case 'string':
      return typeof value === 'string' && value.length >= Number(schema.minLength ?? 0) && value.length <= Number(schema.maxLength ?? 1e9);
    case 'integer':
    case 'number':
      return (
        typeof value === 'number' &&
        (schema.type === 'number' || Number.isInteger(value)) &&
        value >= Number(schema.minimum ?? -1e12) &&
        value <= Number(schema.maximum ?? 1e12) &&
        value > Number(schema.exclusiveMinimum ?? -1e12) &&
        value < Number(schema.exclusiveMaximum ?? 1e12) &&
        (schema.multipleOf === undefined || Number.isInteger(value / Number(schema.multipleOf)))
      );
    case 'boolean':
      return typeof value === 'boolean';
    default:
      return value === null;
  }
}

const bounds = fc.tuple(fc.integer({ min: -500, max: 500 }), fc.integer({ min: 10, max: 500 }));
const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  bounds.map(([low, span]) => ({ type: 'integer', minimum: low, maximum: low + span })),
  bounds.map(([low, span]) => ({ type: 'integer', exclusiveMinimum: low, exclusiveMaximum: low + span, multipleOf: 2 })),
  bounds.map(([low, span]) => ({ type: 'number', exclusiveMinimum: low, maximum: low + span })),
  fc.integer({ min: -500, max: 500 }).map((high) => ({ type: 'number', exclusiveMaximum: high })),
  fc.integer({ min: -500, max: 500 }).map((high) => ({ type: 'integer', maximum: high })),
  fc.tuple(fc.nat(40), fc.nat(40)).map(([least, more]) => ({ type: 'string', minLength: least, maxLength: least + more })),
  fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { minLength: 1 }).map((choices) => ({ enum: choices })),
  fc.constant({ type: 'boolean' }),
  fc.constant({ type: 'null' }),
);
const schema = fc.letrec<{ node: JsonObject }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.tuple(tie('node'), fc.nat(3)).map(([items, minItems]) => ({ type: 'array', items, minItems })),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    fc
      .dictionary(fc.stringMatching(/^[a-z$~/%_]{1,6}$/), tie('node'), { maxKeys: 4 })
      .chain((properties) => fc.subarray(Object.keys(properties)).map((required) => ({ type: 'object', properties, required }))),
  ),
})).node;

describe('the smallest instance of a schema', () => {
  it('satisfies it', () => {
    fc.assert(
      fc.property(schema, (given) => {
        expect(satisfies(minimalInstance(given), given)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('never throws and always ends, whatever the schema', () => {
    const words = fc.constantFrom(
      'type',
      'properties',
      'items',
      '$ref',
      'allOf',
      'anyOf',
      'required',
      'minItems',
      'enum',
      'minimum',
      'multipleOf',
    );
    const json = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(fc.dictionary(words, fc.oneof(json, fc.constantFrom('object', 'array', '#', '#/properties', '#/%zz'))), (given) => {
        const checked: Json = JSON.parse(JSON.stringify(given));
        expect(JSON.stringify(minimalInstance(checked))).toBeTypeOf('string');
      }),
      { numRuns: 2000 },
    );
  });

  it('follows references, folds allOf, and takes the first alternative', () => {
    const given = {
      $defs: { 'a/b': { type: 'object', properties: { n: { type: 'integer', minimum: 3 } }, required: ['n'] } },
      allOf: [{ $ref: '#/$defs/a~1b' }, { properties: { label: { type: ['null', 'string'] } }, required: ['label'] }],
      properties: { at: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] }, extra: { type: 'string' } },
      required: ['at'],
    };
    expect(minimalInstance(given)).toEqual({ at: '2026-01-01', n: 3, label: LABEL });
  });

  it('ends where a schema requires itself', () => {
    const given = { type: 'object', properties: { child: { $ref: '#' } }, required: ['child'] };
    expect(JSON.stringify(minimalInstance(given))).toMatch(/^(?:\{"child":)+null\}+$/);
  });

  it('does not grow without bound where references branch or arrays nest', () => {
    const branching = { allOf: [{ $ref: '#' }, { $ref: '#' }] };
    const nested = Array.from({ length: 6 }).reduce<JsonObject>((items) => ({ type: 'array', minItems: 1000, items }), { type: 'null' });
    expect(minimalInstance(branching)).toBeNull();
    expect(JSON.stringify(minimalInstance(nested)).length).toBeLessThan(200_000);
  });

  it('makes an empty object of no schema', () => {
    expect(minimalInstance({})).toEqual({});
    expect(minimalInstance(true)).toEqual({});
  });
});
