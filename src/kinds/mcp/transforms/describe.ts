import { z } from 'zod';
import { isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { Listing, Offer } from '../sources/source.ts';
import { textOf } from '../wire/message.ts';
import { defineTransform, handedOn, remembered, written } from './transform.ts';

const words = z.string().max(16_384).nullable().optional();
const part = z.record(z.string(), z.json()).nullable().optional();
const shared = { title: words, description: words, icons: z.array(z.json()).nullable().optional(), _meta: part };

const of = <Patch extends z.ZodType>(patch: Patch) => z.record(z.string().min(1).max(2_048), patch).optional();

const config = z.strictObject({
  instructions: words.describe('What the server says of how it is used; null: nothing.'),
  tools: of(z.strictObject({ ...shared, annotations: part, inputSchema: part, outputSchema: part })).describe(
    'By name: what of them is listed otherwise, as a JSON merge patch (RFC 7396); null takes a member away.',
  ),
  prompts: of(z.strictObject({ ...shared, arguments: z.array(z.json()).nullable().optional() })).describe('Of prompts, by name.'),
  resources: of(z.strictObject({ ...shared, annotations: part, mimeType: words })).describe('Of resources and templates, by address.'),
});

type Settings = z.output<typeof config>;

/** RFC 7396 section 2. */
function merged(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: { [member: string]: Json } = {};
  for (const [member, value] of Object.entries(isObject(target) ? target : {})) if (value !== undefined) result[member] = value;
  for (const [member, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete result[member];
    else
      Object.defineProperty(result, member, { value: merged(result[member], value), enumerable: true, configurable: true, writable: true });
  }
  return result;
}

const FIELD: { readonly [what in Listing]: 'tools' | 'prompts' | 'resources' } = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  'resources/templates': 'resources',
};

type Patches = Settings['tools' | 'prompts' | 'resources'];

function patchOf(patches: Patches, name: string): JsonObject | undefined {
  const found: object | undefined = patches !== undefined && Object.hasOwn(patches, name) ? patches[name] : undefined;
  return isObject(found) ? found : undefined;
}

function told(offer: Offer, { instructions: said }: Settings): Offer {
  if (said === undefined) return offer;
  const { instructions: _, ...rest } = offer;
  return said === null ? rest : { ...rest, instructions: said };
}

/** Other words for what is listed, and other schemas to show. What a call may hold is the server's to say still. */
export const describe = defineTransform({
  use: 'describe',
  config,
  examples: [
    { tools: { search_web: { title: 'Search', description: 'Searches the web.', annotations: { readOnlyHint: true } } } },
    { instructions: null, tools: { search_web: { inputSchema: { properties: { region: { enum: ['eu', 'us'] } } }, outputSchema: null } } },
  ],
  wrap(settings, source, home) {
    const names = written(home);
    const keyOf = ({ uri, uriTemplate = uri, name }: JsonObject) => {
      if (typeof uriTemplate === 'string') return names.uri(uriTemplate);
      return typeof name === 'string' ? names.name(name) : '';
    };
    const shownBy = (patches: Patches) =>
      remembered((item) => {
        const patch = patchOf(patches, keyOf(item));
        const changed = patch === undefined ? item : merged(item, patch);
        return isObject(changed) ? changed : item;
      });
    const shown = { tools: shownBy(settings.tools), prompts: shownBy(settings.prompts), resources: shownBy(settings.resources) };
    return {
      ...handedOn(source),
      offer: async (context) => told(await source.offer(context), settings),
      async list(what, cursor, context) {
        const page = await source.list(what, cursor, context);
        const field = FIELD[what];
        return settings[field] === undefined ? page : { ...page, items: page.items.map(shown[field]) };
      },
      request({ headers, ...ask }, context) {
        // A client repeats arguments in headers as the schema says that it was shown; the server wants them as its own says.
        const isShownOtherwise =
          ask.method === 'tools/call' && patchOf(settings.tools, names.name(textOf(ask.params, 'name') ?? ''))?.inputSchema !== undefined;
        return source.request(headers === undefined || isShownOtherwise ? ask : { ...ask, headers }, context);
      },
    };
  },
});
