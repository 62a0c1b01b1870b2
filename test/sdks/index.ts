import { aiSdkCalls } from './ai-sdk.ts';
import { anthropicCalls } from './anthropic.ts';
import { awsCalls } from './aws.ts';
import type { SdkCall } from './client.ts';
import { googleCalls } from './google.ts';
import { langchainCalls } from './langchain.ts';
import { openaiCalls } from './openai.ts';

/** The libraries that callers use, each in the ways in which it asks. */
export const sdkCalls: readonly SdkCall[] = [
  ...openaiCalls,
  ...anthropicCalls,
  ...googleCalls,
  ...awsCalls,
  ...aiSdkCalls,
  ...langchainCalls,
];
