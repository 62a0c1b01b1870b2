import type { Exception } from './openai-schema.ts';

const string = { type: 'string' };
const integer = { type: 'integer' };
const nothing = { type: 'null' };
const custom = { type: 'object', properties: { name: string, input: string }, additionalProperties: false };
const google = { type: 'object', properties: { thought_signature: string }, required: ['thought_signature'], additionalProperties: false };
const extraContent = { type: 'object', properties: { google }, required: ['google'], additionalProperties: false };
const thinkingBlock = {
  type: 'object',
  properties: {
    index: integer,
    type: { enum: ['thinking', 'redacted_thinking'] },
    thinking: string,
    signature: string,
    data: string,
  },
  required: ['type'],
  additionalProperties: false,
};

const REASONING =
  'OpenAI shows no reasoning in this dialect; this is the field that DeepSeek began and that most vendors and clients read.';
const BLOCKS = 'Signed reasoning must come back unchanged, and OpenAI has no place for it; this is the one that LiteLLM began.';
const GOOGLE = 'Gemini’s signatures, where Google’s own OpenAI endpoint has them (ai.google.dev, “Thought signatures”).';
const GIVEN_UP = 'OpenAI has no word for an answer that the model’s server gave up; `stop` would call it complete.';
const SETTINGS = 'OpenAI’s servers repeat it, its document left it out, and Open Responses requires it.';

/** What this gateway writes and OpenAI's document does not have. As small as can be: a test fails where one is not needed. */
export const exceptions: readonly Exception[] = [
  { at: 'ChatCompletionResponseMessage/properties/reasoning_content', also: string, why: REASONING },
  { at: 'ChatCompletionStreamResponseDelta/properties/reasoning_content', also: string, why: REASONING },
  { at: 'ChatCompletionResponseMessage/properties/thinking_blocks', also: { type: 'array', items: thinkingBlock }, why: BLOCKS },
  { at: 'ChatCompletionStreamResponseDelta/properties/thinking_blocks', also: { type: 'array', items: thinkingBlock }, why: BLOCKS },
  { at: 'ChatCompletionResponseMessage/properties/extra_content', also: extraContent, why: GOOGLE },
  { at: 'ChatCompletionStreamResponseDelta/properties/extra_content', also: extraContent, why: GOOGLE },
  { at: 'ChatCompletionMessageToolCall/properties/extra_content', also: extraContent, why: GOOGLE },
  { at: 'ChatCompletionMessageToolCallChunk/properties/extra_content', also: extraContent, why: GOOGLE },
  {
    at: 'ChatCompletionMessageToolCallChunk/properties/type',
    also: { enum: ['custom'] },
    why: 'OpenAI’s servers stream calls of custom tools, and its document has them in whole answers alone.',
  },
  {
    at: 'ChatCompletionMessageToolCallChunk/properties/custom',
    also: custom,
    why: 'As its `type`.',
  },
  { at: 'CreateChatCompletionResponse/properties/choices/items/properties/finish_reason', also: { enum: ['error'] }, why: GIVEN_UP },
  { at: 'CreateChatCompletionStreamResponse/properties/choices/items/properties/finish_reason', also: { enum: ['error'] }, why: GIVEN_UP },
  { at: 'CreateCompletionResponse/properties/choices/items/properties/finish_reason', also: { enum: ['error'] }, why: GIVEN_UP },
  {
    at: 'CreateCompletionResponse/properties/choices/items/properties/finish_reason',
    also: nothing,
    why: 'OpenAI’s document says that streams have the same object as whole answers, and its servers say null until the end.',
  },
  {
    at: 'ErrorResponse/properties/request_id',
    also: string,
    why: 'What to give to whoever operates the gateway; Anthropic has it in the same place.',
  },
  { at: 'Response/allOf/2/properties/store', also: { type: 'boolean' }, why: SETTINGS },
  { at: 'Response/allOf/2/properties/frequency_penalty', also: { type: 'number' }, why: SETTINGS },
  { at: 'Response/allOf/2/properties/presence_penalty', also: { type: 'number' }, why: SETTINGS },
  {
    at: 'Response/allOf/2/properties/usage',
    also: nothing,
    why: 'OpenAI’s servers say null until the response has ended, and where nothing was counted null is the truth.',
  },
  {
    at: 'TextResponseFormatJsonSchema/properties/description',
    also: nothing,
    why: 'Open Responses requires the field, and null where the call does not have it.',
  },
  {
    at: 'CustomToolCall/properties/status',
    also: { enum: ['in_progress', 'completed', 'incomplete'] },
    why: 'OpenAI’s servers say it, as they do of calls of functions; its document has it where the item is listed.',
  },
  {
    at: 'ResponseErrorCode',
    also: string,
    why: 'OpenAI’s servers say codes that are not in its document (`insufficient_quota`), and a vendor’s own word is kept.',
  },
  {
    at: 'ResponseErrorEvent/properties/error',
    also: { type: 'object', properties: { type: string, code: string, message: string, param: { type: ['string', 'null'] } } },
    why: 'OpenAI’s servers, and Open Responses, nest what its document has flat; both are written.',
  },
  {
    at: 'Embedding/properties/embedding',
    also: string,
    why: 'What `encoding_format: base64` asks for; OpenAI’s document has it in the call and forgets it in the answer.',
  },
  { at: 'Model/properties/context_length', also: integer, why: 'OpenAI’s list does not say it; OpenRouter’s, which clients read, does.' },
  { at: 'Model/properties/max_output_tokens', also: integer, why: 'As `context_length`.' },
  { at: 'ListModelsResponse/properties/has_more', also: { type: 'boolean' }, why: 'Lists here can be asked for page by page.' },
];
