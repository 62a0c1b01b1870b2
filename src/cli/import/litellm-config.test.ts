import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rolls } from '../../config/rolls.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { importConfig } from './litellm-config.ts';
import { litellmProviders, readModel } from './litellm-providers.ts';
import { Notes } from './plan.ts';
import { portkeyProviders } from './portkey-providers.ts';

describe('providers of other gateways', () => {
  it.each([...Object.entries(litellmProviders), ...Object.entries(portkeyProviders)])(
    '%s is one that is built in, with its secret',
    (_name, { like, secret }) => {
      const provider: { readonly secret?: string } | undefined = rolls.providers.find(({ id }) => id === like);
      expect(provider).toBeDefined();
      expect(secret).toBe(provider?.secret);
    },
  );

  it.each<[string, string | undefined, string | undefined, string]>([
    ['openai/gpt-4o', undefined, 'openai', 'gpt-4o'],
    ['gpt-4o', undefined, 'openai', 'gpt-4o'],
    ['claude-sonnet-4-5', undefined, 'anthropic', 'claude-sonnet-4-5'],
    ['openrouter/anthropic/claude-3', undefined, 'openrouter', 'anthropic/claude-3'],
    ['my-model', 'openai', 'openai', 'my-model'],
    ['openai/my-model', 'openai', 'openai', 'my-model'],
    ['org/my-model', 'hosted_vllm', 'hosted_vllm', 'org/my-model'],
    ['nobody/knows', undefined, 'nobody', 'nobody/knows'],
    ['strange', undefined, undefined, 'strange'],
  ])('%s (%s) is of %s', (written, custom, prefix, model) => {
    expect(readModel(written, custom)).toEqual({ prefix, model });
  });
});

/** What becomes of a list of models and the settings around it. */
function imported(models: readonly JsonObject[], more: JsonObject = {}, env: { readonly [name: string]: string } = {}) {
  const notes = new Notes();
  const list = models.map(({ model_name = 'chat', model_info = null, ...params }) => ({ model_name, model_info, litellm_params: params }));
  const { config, secrets, settings } = importConfig({ model_list: list, ...more }, env, notes);
  return { ...config, secrets, settings, notes: notes.list, told: notes.list.map(({ what }) => what) };
}

describe('a deployment', () => {
  it.each<[string, JsonObject, JsonObject, string]>([
    ['a built-in provider as it is', { model: 'openai/gpt-4o' }, {}, 'openai/gpt-4o'],
    [
      'one with a key of its own',
      { model: 'gpt-4o', api_key: 'os.environ/TEAM_KEY' },
      { openai: { key: { secret: 'TEAM_KEY' } } },
      'openai/gpt-4o',
    ],
    ['one with the key that is looked for anyway', { model: 'gpt-4o', api_key: 'os.environ/OPENAI_API_KEY' }, {}, 'openai/gpt-4o'],
    [
      'a server that speaks like another',
      {
        model: 'openai/llama',
        api_base: 'https://models.example.com/v1/',
        api_key: 'os.environ/HOUSE_KEY',
        extra_headers: { 'x-team': 'a' },
      },
      {
        'openai-models-example-com': {
          like: 'openai',
          baseUrl: 'https://models.example.com/v1',
          key: { secret: 'HOUSE_KEY' },
          headers: { 'x-team': 'a' },
        },
      },
      'openai-models-example-com/llama',
    ],
    [
      'an address out of the environment',
      { model: 'hosted_vllm/llama', api_base: 'os.environ/HOUSE' },
      { 'vllm-house-example-com': { like: 'vllm', baseUrl: 'https://house.example.com/v1' } },
      'vllm-house-example-com/llama',
    ],
    [
      'Azure, by its resource',
      { model: 'azure/dep', api_base: 'https://lab.openai.azure.com/', api_version: '2024-10-21' },
      { azure: { settings: { resource: 'lab', apiVersion: '2024-10-21' } } },
      'azure/dep',
    ],
    [
      'Azure at an address of its own',
      { model: 'azure/dep', api_base: 'https://azure.example.com' },
      {
        'azure-azure-example-com': {
          like: 'azure',
          baseUrl: 'https://azure.example.com/openai/v1',
          key: { secret: 'AZURE_AZURE_EXAMPLE_COM_API_KEY' },
          settings: { resource: 'own-address' },
        },
      },
      'azure-azure-example-com/dep',
    ],
    [
      'Bedrock, by its region',
      { model: 'bedrock/converse/anthropic.claude-3', aws_region_name: 'eu-central-1' },
      { bedrock: { settings: { region: 'eu-central-1' } } },
      'bedrock/anthropic.claude-3',
    ],
    [
      'Vertex, by project and place',
      { model: 'vertex_ai/gemini-2.5-pro', vertex_project: 'p', vertex_location: 'europe-west4' },
      { vertex: { settings: { project: 'p', location: 'europe-west4' } } },
      'vertex/gemini-2.5-pro',
    ],
    ['Gemini under the name that it has here', { model: 'gemini/gemini-2.5-pro' }, {}, 'google/gemini-2.5-pro'],
    [
      'Ollama, whose address has no version',
      { model: 'ollama/llama3', api_base: 'http://box:11434' },
      { 'ollama-box-11434': { like: 'ollama', baseUrl: 'http://box:11434/v1' } },
      'ollama-box-11434/llama3',
    ],
    [
      'prices a token',
      { model: 'openai/house-1', input_cost_per_token: 1.5e-7, output_cost_per_token: 6e-7 },
      { openai: { prices: { 'house-1': { input: 0.15, output: 0.6 } } } },
      'openai/house-1',
    ],
  ])('is %s', (_what, params, providers, target) => {
    const { models, ...config } = imported([params], {}, { HOUSE: 'https://house.example.com/v1' });
    expect(config.providers).toEqual(providers);
    expect(models.chat).toEqual({ strategy: 'failover', targets: [target] });
  });

  it('never brings a key that is written out, and tells two such keys apart', () => {
    const made = imported([
      { model_name: 'a', model: 'openai/x', api_key: 'sk-first-canary' },
      { model_name: 'b', model: 'openai/x', api_key: 'sk-second-canary' },
      { model_name: 'c', model: 'openai/x', api_key: 'sk-first-canary' },
    ]);
    expect(JSON.stringify(made)).not.toContain('canary');
    expect(made.models).toMatchObject({ a: { targets: ['openai/x'] }, b: { targets: ['openai-2/x'] }, c: { targets: ['openai/x'] } });
    expect(made.secrets.map(({ name }) => name)).toEqual(['OPENAI_API_KEY', 'OPENAI_2_API_KEY']);
  });

  it('is refused by name where there is no such provider, or no address', () => {
    const made = imported([
      { model_name: 'a', model: 'watsonx/x' },
      { model_name: 'b', model: 'strange' },
      { model_name: 'c', model: 'openai/x', api_base: 'os.environ/NOT_SET' },
      { model_name: 'd', model: 'openai/x', api_base: 'nonsense' },
      { model_name: 'e', model: 'azure/x' },
    ]);
    expect(made.models).toEqual({});
    expect(made.told).toEqual(['model a (watsonx/x)', 'model b (strange)', 'model c', 'model d', 'model e']);
  });

  it('takes what a credential of the list has', () => {
    const credentials = [
      { credential_name: 'eu', credential_values: { api_key: 'os.environ/EU_KEY', api_base: 'https://eu.example.com/v1' } },
    ];
    const { providers } = imported([{ model: 'openai/x', litellm_credential_name: 'eu' }], { credential_list: credentials });
    expect(providers).toEqual({
      'openai-eu-example-com': { like: 'openai', baseUrl: 'https://eu.example.com/v1', key: { secret: 'EU_KEY' } },
    });
  });
});

describe('a model group', () => {
  const two = (first: JsonObject, second: JsonObject) =>
    imported([
      { model: 'openai/a', ...first },
      { model: 'openai/b', ...second },
    ]).models.chat?.targets;

  it.each<[JsonObject, JsonObject, number, number]>([
    [{}, {}, 1, 1],
    [{ weight: 3 }, { weight: 1 }, 3, 1],
    [{ rpm: 900, tpm: 5 }, { rpm: 100 }, 900, 100],
    [{ tpm: 4_000_000 }, { tpm: 1_000_000 }, 1_000_000, 250_000],
    [{ weight: 1, rpm: 9 }, { rpm: 1 }, 1, 0],
    [{ order: 1 }, { order: 2 }, 1, 0],
  ])('of %j and %j has shares', (first, second, left, right) => {
    expect(two(first, second)).toEqual([
      { model: 'openai/a', weight: left },
      { model: 'openai/b', weight: right },
    ]);
  });

  it('is followed by its fallbacks, and stands under its aliases too', () => {
    const made = imported(
      [
        { model_name: 'chat', model: 'openai/a' },
        { model_name: 'spare', model: 'anthropic/b' },
        { model_name: 'last', model: 'groq/c' },
      ],
      {
        router_settings: {
          fallbacks: [{ chat: ['spare', 'last'] }],
          default_fallbacks: ['last'],
          model_group_alias: { 'gpt-4': 'chat', hidden: { model: 'spare', hidden: true }, none: 'nobody' },
        },
      },
    );
    expect(made.models).toMatchObject({
      chat: { strategy: 'failover', targets: ['openai/a', 'anthropic/b', 'groq/c'] },
      spare: { targets: ['anthropic/b', 'groq/c'] },
      last: { targets: ['groq/c'] },
      'gpt-4': { targets: ['openai/a', 'anthropic/b', 'groq/c'] },
      hidden: { targets: ['anthropic/b', 'groq/c'] },
    });
    expect(made.told).toEqual(['model_group_alias hidden', 'model_group_alias none']);
  });

  it('of several is shared, and asks its fallbacks only when all of it has failed', () => {
    const made = imported(
      [
        { model_name: 'chat', model: 'openai/a', rpm: 3 },
        { model_name: 'chat', model: 'groq/a', rpm: 1 },
        { model_name: 'spare', model: 'anthropic/b' },
      ],
      { router_settings: { fallbacks: [{ chat: ['spare'] }] } },
    );
    expect(made.models.chat).toEqual({
      strategy: 'weighted',
      targets: [
        { model: 'openai/a', weight: 3 },
        { model: 'groq/a', weight: 1 },
        { model: 'anthropic/b', weight: 0 },
      ],
    });
    expect(made.told).toEqual(['litellm_params.rpm of chat']);
  });

  it('with a slash in its name is what callers name anyway, or does not come over', () => {
    const made = imported([
      { model_name: 'openai/gpt-4o', model: 'openai/gpt-4o' },
      { model_name: 'team/gpt', model: 'openai/gpt-4o' },
      { model_name: 'gemini/*', model: 'gemini/*', api_key: 'os.environ/G' },
      { model_name: '*', model: 'openai/*' },
    ]);
    expect(made.models).toEqual({});
    expect(made.providers).toEqual({ gemini: { like: 'google', key: { secret: 'G' } } });
    expect(made.told).toEqual(['model *', 'model team/gpt']);
  });

  it('waits and retries as its proxy did', () => {
    const settings = { router_settings: { num_retries: 3, timeout: 12.5, stream_timeout: 4 }, litellm_settings: { request_timeout: 99 } };
    expect(imported([{ model: 'openai/a' }], settings).models.chat).toMatchObject({
      retry: { attempts: 4 },
      timeout: { total: 12_500, firstToken: 4_000 },
    });
  });
});

it('every setting that is there is taken or named', () => {
  // Values as JSON allows them: what is empty or off asks for nothing.
  const value = fc.oneof(fc.integer({ min: 1 }), fc.string({ minLength: 1 }), fc.constant(true), fc.constant(['x']), fc.constant({ x: 1 }));
  const name = fc.stringMatching(/^[a-z]{3,12}$/).map((text) => `x_${text}`);
  const section = fc.constantFrom('router_settings', 'litellm_settings', 'general_settings', undefined);
  fc.assert(
    fc.property(section, name, value, (where, setting, given) => {
      const config: JsonObject = where === undefined ? { [setting]: given as Json } : { [where]: { [setting]: given as Json } };
      expect(imported([], config).told).toEqual([where === undefined ? setting : `${where}.${setting}`]);
    }),
  );
});
