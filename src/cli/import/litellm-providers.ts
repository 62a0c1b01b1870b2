/** A provider of Weir's, and where its key is looked for. */
export interface KnownProvider {
  readonly like: string;
  /** Of Weir; absent where no key is needed. */
  readonly secret?: string;
}

/** By what stands before the slash in `litellm_params.model`: https://docs.litellm.ai/docs/providers */
export const litellmProviders: { readonly [prefix: string]: KnownProvider } = {
  openai: { like: 'openai', secret: 'OPENAI_API_KEY' },
  'text-completion-openai': { like: 'openai', secret: 'OPENAI_API_KEY' },
  custom_openai: { like: 'openai', secret: 'OPENAI_API_KEY' },
  openai_like: { like: 'openai', secret: 'OPENAI_API_KEY' },
  litellm_proxy: { like: 'openai', secret: 'OPENAI_API_KEY' },
  azure: { like: 'azure', secret: 'AZURE_OPENAI_API_KEY' },
  azure_text: { like: 'azure', secret: 'AZURE_OPENAI_API_KEY' },
  anthropic: { like: 'anthropic', secret: 'ANTHROPIC_API_KEY' },
  bedrock: { like: 'bedrock', secret: 'BEDROCK_API_KEY' },
  bedrock_converse: { like: 'bedrock', secret: 'BEDROCK_API_KEY' },
  vertex_ai: { like: 'vertex', secret: 'VERTEX_API_KEY' },
  vertex_ai_beta: { like: 'vertex', secret: 'VERTEX_API_KEY' },
  gemini: { like: 'google', secret: 'GEMINI_API_KEY' },
  groq: { like: 'groq', secret: 'GROQ_API_KEY' },
  mistral: { like: 'mistral', secret: 'MISTRAL_API_KEY' },
  codestral: { like: 'mistral', secret: 'MISTRAL_API_KEY' },
  cohere: { like: 'cohere', secret: 'COHERE_API_KEY' },
  cohere_chat: { like: 'cohere', secret: 'COHERE_API_KEY' },
  together_ai: { like: 'together', secret: 'TOGETHER_API_KEY' },
  openrouter: { like: 'openrouter', secret: 'OPENROUTER_API_KEY' },
  deepseek: { like: 'deepseek', secret: 'DEEPSEEK_API_KEY' },
  perplexity: { like: 'perplexity', secret: 'PERPLEXITY_API_KEY' },
  fireworks_ai: { like: 'fireworks', secret: 'FIREWORKS_API_KEY' },
  xai: { like: 'xai', secret: 'XAI_API_KEY' },
  ollama: { like: 'ollama' },
  ollama_chat: { like: 'ollama' },
  huggingface: { like: 'huggingface', secret: 'HF_TOKEN' },
  hosted_vllm: { like: 'vllm' },
  vllm: { like: 'vllm' },
  lm_studio: { like: 'lm-studio' },
  llamafile: { like: 'llama-cpp' },
  nvidia_nim: { like: 'nvidia', secret: 'NVIDIA_API_KEY' },
  cerebras: { like: 'cerebras', secret: 'CEREBRAS_API_KEY' },
  sambanova: { like: 'sambanova', secret: 'SAMBANOVA_API_KEY' },
  deepinfra: { like: 'deepinfra', secret: 'DEEPINFRA_API_KEY' },
  voyage: { like: 'voyage', secret: 'VOYAGE_API_KEY' },
  jina_ai: { like: 'jina', secret: 'JINA_API_KEY' },
  github: { like: 'github-models', secret: 'GITHUB_TOKEN' },
  nebius: { like: 'nebius', secret: 'NEBIUS_API_KEY' },
  novita: { like: 'novita', secret: 'NOVITA_API_KEY' },
  hyperbolic: { like: 'hyperbolic', secret: 'HYPERBOLIC_API_KEY' },
  moonshot: { like: 'moonshot', secret: 'MOONSHOT_API_KEY' },
  minimax: { like: 'minimax', secret: 'MINIMAX_API_KEY' },
  zai: { like: 'zai', secret: 'ZAI_API_KEY' },
  dashscope: { like: 'alibaba', secret: 'DASHSCOPE_API_KEY' },
  vercel_ai_gateway: { like: 'vercel', secret: 'AI_GATEWAY_API_KEY' },
};

/** What LiteLLM takes a bare name for. */
const BARE: readonly (readonly [prefix: RegExp, provider: string])[] = [
  [/^(?:gpt-|chatgpt-|o[134](?:-|$)|text-embedding-|omni-moderation|dall-e|gpt-image|whisper|tts-)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'vertex_ai'],
  [/^(?:command|embed-|rerank-)/, 'cohere'],
  [/^mistral-/, 'mistral'],
];

/** `provider/model` of LiteLLM's taken apart; without a provider where none is named and the name tells none. */
export function readModel(model: string, custom: string | undefined): { readonly prefix: string | undefined; readonly model: string } {
  const slash = model.indexOf('/');
  const first = slash < 0 ? undefined : model.slice(0, slash);
  if (custom !== undefined) return { prefix: custom, model: first === custom ? model.slice(slash + 1) : model };
  if (first !== undefined && Object.hasOwn(litellmProviders, first)) return { prefix: first, model: model.slice(slash + 1) };
  return { prefix: first ?? BARE.find(([pattern]) => pattern.test(model))?.[1], model };
}
