import { GatewayError } from '../../core/errors.ts';
import type { Provider, ProviderCall, Transport } from '../../core/provider.ts';
import { accessToken, readCredential } from './token.ts';

const isClaude = (model: string) => /^(?:anthropic\/|publishers\/anthropic\/models\/)?claude-/.test(model);

/** Places that have no host of their own name: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations */
function hostOf(baseUrl: string, location: string): string {
  if (location === 'global') return baseUrl.replace('://global-aiplatform.', '://aiplatform.');
  if (location === 'us' || location === 'eu') return baseUrl.replace(`://${location}-aiplatform.`, `://aiplatform.${location}.rep.`);
  return baseUrl;
}

/** `{host}/v1/projects/{project}/locations/{location}/publishers/{publisher}/models/{model}:{verb}` */
function urlOf({ baseUrl, model, settings }: ProviderCall, publisher: string, verb: string): string {
  const { project = '', location = 'global' } = settings;
  const name = model.slice(model.lastIndexOf('/') + 1);
  const where = `projects/${encodeURIComponent(project)}/locations/${encodeURIComponent(location)}`;
  return `${hostOf(baseUrl, location)}/v1/${where}/publishers/${publisher}/models/${encodeURIComponent(name).replaceAll('%40', '@')}:${verb}`;
}

/** https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference */
const gemini: Transport = {
  serves: (model) => !isClaude(model),
  url: (call) => urlOf(call, 'google', call.stream ? 'streamGenerateContent?alt=sse' : 'generateContent'),
};

/** https://docs.claude.com/en/api/claude-on-vertex-ai */
const anthropic: Transport = {
  serves: isClaude,
  url: (call) => urlOf(call, 'anthropic', call.stream ? 'streamRawPredict' : 'rawPredict'),
  patch: () => ({ model: undefined, anthropic_version: 'vertex-2023-10-16' }),
};

/** Google's models, and Anthropic's, in a project of Google Cloud: https://cloud.google.com/vertex-ai/generative-ai/docs */
export const vertex = {
  id: 'vertex',
  name: 'Google Vertex AI',
  dialects: { gemini: true, anthropic: true },
  baseUrl: 'https://{location}-aiplatform.googleapis.com',
  auth: { scheme: 'signed' },
  secret: 'VERTEX_API_KEY',
  settings: {
    project: { description: "The id of the Google Cloud project. That of a service account's key file when left out.", default: '' },
    location: { description: 'The region whose models are called, such as europe-west4, or global.', default: 'global' },
  },
  transports: { gemini, anthropic },
  forwards: ['anthropic-beta'],
  async sign(request, text, tools) {
    const credential = readCredential(text);
    const { headers } = request;
    if (credential.kind === 'key') {
      // Express mode knows no projects.
      const url = request.url.replace(/\/v1\/projects\/[^/]*\/locations\/[^/]*\//, '/v1/');
      return { ...request, url, headers: { ...headers, 'x-goog-api-key': credential.text } };
    }
    const project = credential.kind === 'account' ? credential.account.project : undefined;
    const url = inProject(request.url, project);
    const token = credential.kind === 'account' ? await accessToken(credential.account, tools) : credential.text;
    return { ...request, url, headers: { ...headers, authorization: `Bearer ${token}` } };
  },
} as const satisfies Provider;

/** The URL with the account's own project, where none is configured. Throws `provider_key_missing`. */
function inProject(url: string, project: string | undefined): string {
  if (!url.includes('/projects//')) return url;
  if (project !== undefined) return url.replace('/projects//', `/projects/${encodeURIComponent(project)}/`);
  throw new GatewayError(
    'provider_key_missing',
    'The provider "vertex" is not set up. The operator gives it settings.project in the configuration.',
  );
}
