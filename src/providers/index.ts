import type { Provider } from '../core/provider.ts';
import { alibaba } from './alibaba.ts';
import { anthropic } from './anthropic.ts';
import { azure } from './azure.ts';
import { bedrock } from './bedrock/index.ts';
import { cerebras } from './cerebras.ts';
import { cohere } from './cohere.ts';
import { deepinfra } from './deepinfra.ts';
import { deepseek } from './deepseek.ts';
import { fireworks } from './fireworks.ts';
import { githubModels } from './github-models.ts';
import { google } from './google.ts';
import { groq } from './groq.ts';
import { huggingface } from './huggingface.ts';
import { hyperbolic } from './hyperbolic.ts';
import { jina } from './jina.ts';
import { llamaCpp } from './llama-cpp.ts';
import { lmStudio } from './lm-studio.ts';
import { minimax } from './minimax.ts';
import { mistral } from './mistral.ts';
import { moonshot } from './moonshot.ts';
import { nebius } from './nebius.ts';
import { novita } from './novita.ts';
import { nvidia } from './nvidia.ts';
import { ollama } from './ollama.ts';
import { openai } from './openai.ts';
import { openrouter } from './openrouter.ts';
import { perplexity } from './perplexity.ts';
import { sambanova } from './sambanova.ts';
import { sandbox } from './sandbox/index.ts';
import { together } from './together.ts';
import { vercel } from './vercel.ts';
import { vertex } from './vertex/index.ts';
import { vllm } from './vllm.ts';
import { voyage } from './voyage.ts';
import { workersAi } from './workers-ai/index.ts';
import { xai } from './xai.ts';
import { zai } from './zai.ts';
import { zhipu } from './zhipu.ts';

/** Every provider that needs no configuration but its key. */
export const providers: readonly Provider[] = [
  alibaba,
  anthropic,
  azure,
  bedrock,
  cerebras,
  cohere,
  deepinfra,
  deepseek,
  fireworks,
  githubModels,
  google,
  groq,
  huggingface,
  hyperbolic,
  jina,
  llamaCpp,
  lmStudio,
  minimax,
  mistral,
  moonshot,
  nebius,
  novita,
  nvidia,
  ollama,
  openai,
  openrouter,
  perplexity,
  sambanova,
  sandbox,
  together,
  vercel,
  vertex,
  vllm,
  voyage,
  workersAi,
  xai,
  zai,
  zhipu,
];
