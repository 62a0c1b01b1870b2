import type { Dialect } from '../core/dialect.ts';
import { anthropic } from './anthropic/index.ts';
import { openaiChat } from './openai-chat/index.ts';

/** The roll: every wire format the gateway reads and writes. */
export const dialects: readonly Dialect[] = [openaiChat, anthropic];
