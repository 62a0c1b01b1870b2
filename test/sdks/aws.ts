import {
  BedrockRuntimeClient,
  BedrockRuntimeServiceException,
  ConverseCommand,
  type ConverseCommandInput,
  ConverseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { QUESTION, type SdkCall, type Target } from './client.ts';

const client = ({ url, key }: Target) =>
  new BedrockRuntimeClient({
    region: 'eu-central-1',
    endpoint: url,
    token: { token: key },
    authSchemePreference: ['httpBearerAuth'],
    requestHandler: new NodeHttpHandler(),
  });

const asked = ({ model }: Target): ConverseCommandInput => ({
  modelId: model,
  messages: [{ role: 'user', content: [{ text: QUESTION }] }],
});

/** `@aws-sdk/client-bedrock-runtime`. */
export const awsCalls: readonly SdkCall[] = [
  {
    name: '@aws-sdk/client-bedrock-runtime, Converse',
    vendor: 'chat',
    waits: true,
    async ask(target) {
      return { finish: (await client(target).send(new ConverseCommand(asked(target)))).stopReason };
    },
  },
  {
    name: '@aws-sdk/client-bedrock-runtime, ConverseStream',
    vendor: 'chat',
    waits: true,
    reached: 'max_tokens',
    isTyped: (thrown) => thrown instanceof BedrockRuntimeServiceException,
    async ask(target, heard) {
      let finish: string | undefined;
      const { stream } = await client(target).send(new ConverseStreamCommand(asked(target)));
      for await (const event of stream ?? []) {
        heard?.(event.contentBlockDelta?.delta?.text ?? '');
        finish = event.messageStop?.stopReason ?? finish;
      }
      return { finish };
    },
  },
];
