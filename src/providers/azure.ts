import type { Provider, ProviderCall, Transport } from '../core/provider.ts';

/**
 * Where an API version is set, calls go to the deployments API, whose paths name the deployment and whose query names the
 * version: https://learn.microsoft.com/azure/ai-foundry/openai/reference
 */
const deployment = (path: string): Transport => ({
  url: (call) => versioned(call, path, `deployments/${encodeURIComponent(call.model)}${path}`),
});

/** Responses are not below a deployment in either API: the body's model is the deployment. */
const responses: Transport = { url: (call) => versioned(call, '/responses', 'responses') };

function versioned({ baseUrl, settings }: ProviderCall, path: string, classic: string): string {
  const { apiVersion = '' } = settings;
  if (apiVersion === '') return baseUrl + path;
  return `${baseUrl.replace(/\/v1$/, '')}/${classic}?api-version=${encodeURIComponent(apiVersion)}`;
}

/** A token of Microsoft Entra ID is a JSON Web Token: base64url of a JSON object, and so begins with these letters. */
const isToken = (credential: string) => /^eyJ[\w-]*\./.test(credential);

/**
 * https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle: the v1 API needs no version. Models are named
 * by the deployments that the operator made of them.
 */
export const azure = {
  id: 'azure',
  name: 'Azure OpenAI',
  dialects: { 'openai-chat': true, 'openai-responses': true, 'openai-completions': true },
  baseUrl: 'https://{resource}.openai.azure.com/openai/v1',
  auth: { scheme: 'signed' },
  secret: 'AZURE_OPENAI_API_KEY',
  settings: {
    resource: { description: 'The name of the Azure OpenAI resource, as it stands in its address.' },
    apiVersion: { description: 'A version of the deployments API, such as 2024-10-21. The v1 API is used when left out.', default: '' },
  },
  transports: {
    'openai-chat': deployment('/chat/completions'),
    'openai-responses': responses,
    'openai-completions': deployment('/completions'),
  },
  quirks: { thoughtSignatures: false, promptCacheKey: true },
  async sign(request, credential) {
    const header = isToken(credential) ? { authorization: `Bearer ${credential}` } : { 'api-key': credential };
    return { ...request, headers: { ...request.headers, ...header } };
  },
} as const satisfies Provider;
