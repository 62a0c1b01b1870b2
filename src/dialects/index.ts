import type { Dialect } from '../core/dialect.ts';
import { aiSdkGateway } from './ai-sdk/index.ts';
import { anthropic } from './anthropic/index.ts';
import { bedrock } from './bedrock/index.ts';
import { cohere } from './cohere/index.ts';
import { gemini } from './gemini/index.ts';
import { ollama } from './ollama/index.ts';
import { openaiChat } from './openai-chat/index.ts';
import { openaiCompletions } from './openai-completions/index.ts';
import { openaiResponses } from './openai-responses/index.ts';

/** The roll: every wire format the gateway reads and writes. */
export const dialects: readonly Dialect[] = [
  openaiChat,
  openaiResponses,
  anthropic,
  bedrock,
  gemini,
  ollama,
  cohere,
  openaiCompletions,
  aiSdkGateway,
];
