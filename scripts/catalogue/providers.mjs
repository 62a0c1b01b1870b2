// Which lists of the two sources describe which provider of Weir, and what neither of them says.

/**
 * @typedef {object} ProviderSource
 * @property {string} id Weir's id.
 * @property {string[]} [genai] Lists of genai-prices, the first one that knows a model counts.
 * @property {string} [modelsDev] The provider of models.dev.
 * @property {string[]} [fallback] Providers of Weir whose prices hold for a model that is not listed here.
 * @property {Record<string, number>} [factors] What a way of serving costs, as a multiple of the ordinary price of tokens.
 * @property {false} [prices] The sources' prices are left out: they are zero for what is a trial or a subscription.
 */

// Batches: https://platform.openai.com/docs/guides/batch, https://platform.claude.com/docs/en/build-with-claude/batch-processing,
// https://ai.google.dev/gemini-api/docs/batch-api, https://docs.mistral.ai/capabilities/batch, https://console.groq.com/docs/batch,
// https://aws.amazon.com/bedrock/pricing, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch.
const batch = { batch: 0.5 };
// Flex: https://platform.openai.com/docs/guides/flex-processing (the Batch API's rates).
const openaiFactors = { batch: 0.5, flex: 0.5 };

/** @type {readonly ProviderSource[]} */
export const providers = [
  { id: 'alibaba', modelsDev: 'alibaba' },
  { id: 'anthropic', genai: ['anthropic'], modelsDev: 'anthropic', factors: batch },
  { id: 'azure', genai: ['azure'], modelsDev: 'azure', fallback: ['openai', 'anthropic', 'deepseek', 'xai', 'moonshot'], factors: batch },
  { id: 'bedrock', genai: ['aws'], modelsDev: 'amazon-bedrock', factors: batch },
  { id: 'cerebras', genai: ['cerebras'], modelsDev: 'cerebras' },
  { id: 'cohere', genai: ['cohere'], modelsDev: 'cohere' },
  { id: 'deepinfra', modelsDev: 'deepinfra' },
  { id: 'deepseek', genai: ['deepseek'], modelsDev: 'deepseek' },
  { id: 'fireworks', genai: ['fireworks'], modelsDev: 'fireworks-ai' },
  { id: 'github-models', modelsDev: 'github-models', prices: false },
  { id: 'google', genai: ['google'], modelsDev: 'google', factors: batch },
  { id: 'groq', genai: ['groq'], modelsDev: 'groq', factors: batch },
  { id: 'huggingface', modelsDev: 'huggingface' },
  // Hugging Face passes these providers' own prices on.
  { id: 'hyperbolic', genai: ['huggingface_hyperbolic'] },
  { id: 'minimax', genai: ['minimax'], modelsDev: 'minimax' },
  { id: 'mistral', genai: ['mistral'], modelsDev: 'mistral', factors: batch },
  { id: 'moonshot', genai: ['moonshotai'], modelsDev: 'moonshotai' },
  { id: 'nebius', genai: ['huggingface_nebius'], modelsDev: 'nebius' },
  { id: 'novita', genai: ['novita'], modelsDev: 'novita-ai' },
  { id: 'nvidia', modelsDev: 'nvidia', prices: false },
  { id: 'openai', genai: ['openai'], modelsDev: 'openai', factors: openaiFactors },
  { id: 'openrouter', genai: ['openrouter'], modelsDev: 'openrouter' },
  { id: 'perplexity', genai: ['perplexity'], modelsDev: 'perplexity' },
  { id: 'sambanova', genai: ['huggingface_sambanova'] },
  { id: 'together', genai: ['together'], modelsDev: 'togetherai' },
  { id: 'vercel', modelsDev: 'vercel' },
  { id: 'vertex', modelsDev: 'google-vertex', fallback: ['google'], factors: batch },
  { id: 'voyage', genai: ['voyageai'] },
  { id: 'workers-ai', genai: ['cloudflare'], modelsDev: 'cloudflare-workers-ai' },
  { id: 'xai', genai: ['x-ai'], modelsDev: 'xai' },
  { id: 'zai', genai: ['zai'], modelsDev: 'zai' },
  { id: 'zhipu', genai: ['zhipuai'], modelsDev: 'zhipuai' },
];

/** Answers inside the gateway, for nothing. */
export const sandbox = { id: '*', prices: [{ input: 0, output: 0 }] };
