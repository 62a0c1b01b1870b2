import type { Provider } from '../../core/provider.ts';
import { readCredential } from './credential.ts';
import { invokeModel } from './invoke-model.ts';
import { signatureHeaders } from './sigv4.ts';

/**
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/welcome.html. Converse serves every model; Anthropic's are also
 * reached in their own dialect, so that callers who speak it lose nothing.
 */
export const bedrock = {
  id: 'bedrock',
  name: 'Amazon Bedrock',
  dialects: { bedrock: true, anthropic: true },
  baseUrl: 'https://bedrock-runtime.{region}.amazonaws.com',
  auth: { scheme: 'signed' },
  secret: 'BEDROCK_API_KEY',
  settings: { region: { description: 'The AWS region whose models are called, such as eu-central-1.', default: 'us-east-1' } },
  // https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html
  operations: {
    embeddings: { path: 'model/{model}/invoke', dialect: 'bedrock', shape: 'bedrock' },
    rerank: { path: 'model/{model}/invoke', dialect: 'bedrock', shape: 'bedrock' },
  },
  transports: { anthropic: invokeModel },
  // As at Anthropic's own address: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
  quirks: {
    prefill: {
      by: 'last',
      models: [
        '*anthropic.claude-3*',
        '*anthropic.claude-opus-4-1*',
        '*anthropic.claude-opus-4-2*',
        '*anthropic.claude-opus-4-5*',
        '*anthropic.claude-sonnet-4-2*',
        '*anthropic.claude-sonnet-4-5*',
        '*anthropic.claude-haiku-4-5*',
      ],
    },
  },
  async sign(request, credential, { clock, settings }) {
    const read = readCredential(credential);
    const added =
      'bearer' in read
        ? { authorization: `Bearer ${read.bearer}` }
        : await signatureHeaders(request, read, { region: settings.region ?? 'us-east-1', service: 'bedrock', now: clock.now() });
    return { ...request, headers: { ...request.headers, ...added } };
  },
} as const satisfies Provider;
