import { reasonOf } from '../../admin/litellm/fields.ts';
import { asNumber, asString, isObject, type JsonObject } from '../../core/json.ts';
import { SECRET_NAME } from '../../core/secret-name.ts';
import { type KnownProvider, litellmProviders, readModel } from './litellm-providers.ts';
import type { Notes } from './plan.ts';
import type { ProviderBook, WantedProvider } from './providers.ts';

/** One entry of `model_list` as a target. */
export interface Deployment {
  /** `provider/model` of Weir's. */
  readonly target: string;
  readonly weight?: number;
  readonly rpm?: number;
  readonly tpm?: number;
  readonly order?: number;
}

export interface DeploymentContext {
  readonly book: ProviderBook;
  readonly notes: Notes;
  /** Values of `os.environ/NAME` that are no secrets. */
  readonly env: { readonly [name: string]: string | undefined };
  /** `credential_list`, by name. */
  readonly credentials: ReadonlyMap<string, JsonObject>;
}

/** What of `litellm_params` is read. */
const READ: readonly string[] = [
  ...['model', 'api_key', 'api_base', 'base_url', 'api_version', 'custom_llm_provider', 'litellm_credential_name', 'organization'],
  ...['weight', 'rpm', 'tpm', 'order', 'extra_headers', 'headers'],
  ...['aws_region_name', 'aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'],
  ...['vertex_project', 'vertex_location', 'vertex_credentials', 'vertex_ai_project', 'vertex_ai_location'],
  ...['input_cost_per_token', 'output_cost_per_token', 'cache_read_input_token_cost', 'cache_creation_input_token_cost'],
  // What LiteLLM's own answers add, and what only its client reads.
  ...['use_in_pass_through', 'use_litellm_proxy', 'merge_reasoning_content_in_choices', 'drop_params', 'db_model', 'id'],
];

const WHY: { readonly [param: string]: string } = {
  timeout: 'time limits are of a virtual model, for all of its targets',
  stream_timeout: 'time limits are of a virtual model, for all of its targets',
  max_retries: 'attempts are of a virtual model, for all of its targets',
  num_retries: 'attempts are of a virtual model, for all of its targets',
  max_parallel_requests: 'a provider has no limit of its own: limits are of keys, apps, teams and organisations',
  cooldown_time: 'a target that fails is passed over in the call at hand; there is no time for which it is left out',
  tags: reasonOf('tags'),
  aws_role_name: 'roles are not assumed: give keys or a Bedrock API key',
  aws_profile_name: 'there are no profiles: give keys or a Bedrock API key',
  aws_session_name: 'roles are not assumed: give keys or a Bedrock API key',
  aws_web_identity_token: 'roles are not assumed: give keys or a Bedrock API key',
  azure_ad_token: 'put the token into the secret of the provider',
  tenant_id: 'tokens of Entra ID are not fetched: put one, or an API key, into the secret of the provider',
  client_id: 'tokens of Entra ID are not fetched: put one, or an API key, into the secret of the provider',
  client_secret: 'tokens of Entra ID are not fetched: put one, or an API key, into the secret of the provider',
};
const PARAMETER = 'parameters are what callers send: a target adds none';

/** An entry as a target; `undefined`, with a note, where there is no such provider or no address. */
export function deploymentOf(name: string, entry: JsonObject, context: DeploymentContext, id?: string): Deployment | undefined {
  const { notes } = context;
  const params = paramsOf(entry, context);
  const named = asString(params.model) ?? '';
  const { prefix, model } = readModel(named, asString(params.custom_llm_provider));
  const known = prefix === undefined ? undefined : litellmProviders[prefix];
  if (known === undefined) {
    notes.left(
      `model ${name} (${named})`,
      prefix === undefined ? 'its provider cannot be told from its name' : `there is no provider "${prefix}"`,
    );
    return undefined;
  }
  const wanted = wantedOf(name, prefix ?? '', known, params, context);
  const provider = wanted === undefined ? undefined : context.book.place({ ...wanted, ...(id === undefined ? {} : { id }) });
  if (provider === undefined) {
    if (wanted !== undefined) notes.left(`model ${name} (${named})`, `the provider "${id}" has another key or address already`);
    return undefined;
  }
  const own = model.replace(/^(?:converse|invoke)\//, '');
  price(provider, own, params, isObject(entry.model_info) ? entry.model_info : {}, context);
  for (const [param, value] of Object.entries(params)) {
    if (!READ.includes(param) && value !== null && value !== undefined)
      notes.left(`litellm_params.${param} of ${name}`, WHY[param] ?? PARAMETER);
  }
  return { target: `${provider}/${own}`, ...sharesOf(params) };
}

/** With the values of the credential that it names. */
function paramsOf(entry: JsonObject, { credentials, notes }: DeploymentContext): JsonObject {
  const params = isObject(entry.litellm_params) ? entry.litellm_params : {};
  const name = asString(params.litellm_credential_name);
  if (name === undefined) return params;
  const values = credentials.get(name);
  if (values === undefined)
    notes.left(`litellm_credential_name ${name}`, 'is not in credential_list: the key of its models is read from the usual secret');
  return { ...values, ...params };
}

function sharesOf(params: JsonObject): Omit<Deployment, 'target'> {
  const { weight, rpm, tpm, order } = {
    weight: asNumber(params.weight),
    rpm: asNumber(params.rpm),
    tpm: asNumber(params.tpm),
    order: asNumber(params.order),
  };
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(rpm === undefined ? {} : { rpm }),
    ...(tpm === undefined ? {} : { tpm }),
    ...(order === undefined ? {} : { order }),
  };
}

function wantedOf(
  name: string,
  prefix: string,
  known: KnownProvider,
  params: JsonObject,
  context: DeploymentContext,
): WantedProvider | undefined {
  const base = addressOf(name, params, context);
  if (base === 'unknown') return undefined;
  const key = keyOf(asString(params.api_key));
  const shared = {
    like: known.like,
    ...(known.secret === undefined ? {} : { secret: known.secret }),
    ...(key.secret === undefined ? {} : { key: key.secret }),
    ...(key.mark === undefined ? {} : { mark: key.mark }),
    about: key.about ?? `the key of ${prefix}, for ${name}`,
  };
  const headers = headersOf(name, params, context);
  if (known.like === 'azure') {
    const azure = azureOf(base ?? context.env.AZURE_API_BASE, params, context);
    if (azure === undefined) context.notes.left(`model ${name}`, 'it has no api_base, and AZURE_API_BASE is not set for this command');
    return azure === undefined ? undefined : { ...shared, ...headers, ...azure };
  }
  if (known.like === 'bedrock') return { ...shared, ...headers, ...awsOf(name, base, params, context) };
  if (known.like === 'vertex') return { ...shared, ...headers, ...googleOf(params, context) };
  return { ...shared, ...headers, ...(base === undefined ? {} : { baseUrl: versioned(known.like, base) }) };
}

/** `os.environ/NAME` names the secret; a key that is written out is never copied. */
function keyOf(written: string | undefined): { readonly secret?: string; readonly about?: string; readonly mark?: string } {
  if (written === undefined || written === '') return {};
  const name = /^os\.environ\/(.+)$/.exec(written)?.[1];
  if (name === undefined) return { about: 'the key that is written out in the configuration', mark: written };
  if (SECRET_NAME.test(name)) return { secret: name, about: `what LiteLLM reads as ${name}` };
  return { about: `what LiteLLM reads as ${name}`, mark: name };
}

/** A text, or what the environment has under the name that it gives. */
function resolved(written: string | undefined, { env }: DeploymentContext): string | undefined | { readonly missing: string } {
  const name = written === undefined ? undefined : /^os\.environ\/(.+)$/.exec(written)?.[1];
  return name === undefined ? written : (env[name] ?? { missing: name });
}

function addressOf(name: string, params: JsonObject, context: DeploymentContext): string | undefined | 'unknown' {
  const base = resolved(asString(params.api_base) ?? asString(params.base_url), context);
  if (base === undefined || base === '') return undefined;
  if (typeof base === 'string' && URL.canParse(base)) return base.replace(/\/+$/, '');
  const why = typeof base === 'string' ? `"${base}" is no address` : `its address is in ${base.missing}: set it for this command`;
  context.notes.left(`model ${name}`, why);
  return 'unknown';
}

/** Clients of these append the path to an address with the version, as LiteLLM's configuration has it; Ollama's has none there. */
const versioned = (like: string, base: string) => (like === 'ollama' && !/\/v1$/.test(base) ? `${base}/v1` : base);

function headersOf(name: string, params: JsonObject, { notes }: DeploymentContext): Pick<WantedProvider, 'headers'> {
  const written = isObject(params.extra_headers) ? params.extra_headers : isObject(params.headers) ? params.headers : {};
  const headers: { [header: string]: string } = {};
  for (const [header, value] of Object.entries(written)) {
    if (typeof value === 'string' && !value.startsWith('os.environ/')) headers[header] = value;
    else notes.left(`header ${header} of ${name}`, 'headers of a provider are literal texts');
  }
  const organization = asString(params.organization);
  if (organization !== undefined && !organization.startsWith('os.environ/')) headers['openai-organization'] = organization;
  else if (organization !== undefined) notes.left(`organization of ${name}`, 'headers of a provider are literal texts');
  return Object.keys(headers).length === 0 ? {} : { headers };
}

/** https://<resource>.openai.azure.com, and other addresses as they are. */
function azureOf(
  base: string | undefined,
  params: JsonObject,
  context: DeploymentContext,
): Pick<WantedProvider, 'baseUrl' | 'settings'> | undefined {
  if (base === undefined || !URL.canParse(base)) return undefined;
  const version = resolved(asString(params.api_version), context);
  const apiVersion = typeof version === 'string' && version !== '' ? { apiVersion: version } : {};
  const resource = /^https:\/\/([\w-]+)\.openai\.azure\.com(?:\/.*)?$/.exec(base)?.[1];
  if (resource !== undefined) return { settings: { resource, ...apiVersion } };
  return {
    baseUrl: `${base.replace(/\/+$/, '').replace(/\/openai(?:\/v1)?$/, '')}/openai/v1`,
    settings: { resource: 'own-address', ...apiVersion },
  };
}

function awsOf(name: string, base: string | undefined, params: JsonObject, context: DeploymentContext): Partial<WantedProvider> {
  const region = resolved(asString(params.aws_region_name), context);
  if (typeof region === 'object')
    context.notes.left(`aws_region_name of ${name}`, `it is in ${region.missing}: set it for this command; us-east-1 otherwise`);
  const keys = params.aws_access_key_id === undefined ? {} : { about: 'ACCESS_KEY_ID:SECRET_ACCESS_KEY, in one' };
  return {
    ...keys,
    ...(base === undefined ? {} : { baseUrl: base }),
    ...(typeof region === 'string' ? { settings: { region } } : {}),
  };
}

function googleOf(params: JsonObject, context: DeploymentContext): Partial<WantedProvider> {
  const project = resolved(asString(params.vertex_project) ?? asString(params.vertex_ai_project), context);
  const location = resolved(asString(params.vertex_location) ?? asString(params.vertex_ai_location), context);
  const settings = {
    ...(typeof project === 'string' ? { project } : {}),
    ...(typeof location === 'string' ? { location } : {}),
  };
  return { about: "the service account's key file, as JSON", ...(Object.keys(settings).length === 0 ? {} : { settings }) };
}

/** Dollars a token there, dollars a million tokens here. */
const RATES = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cacheRead',
  cache_creation_input_token_cost: 'cacheWrite5m',
} as const;

function price(provider: string, model: string, params: JsonObject, info: JsonObject, { book }: DeploymentContext): void {
  const rates: { [rate: string]: number } = {};
  for (const [field, rate] of Object.entries(RATES)) {
    const dollars = asNumber(params[field]) ?? asNumber(info[field]);
    if (dollars !== undefined) rates[rate] = Number((dollars * 1_000_000).toPrecision(12));
  }
  if (Object.keys(rates).length > 0) book.price(provider, model, rates);
}
