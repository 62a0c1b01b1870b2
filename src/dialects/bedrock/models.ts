import type { Issuer } from '../../core/chat.ts';

/**
 * Who made the model, by its id: `anthropic.claude-…`, `us.amazon.nova-…`, `arn:…:foundation-model/meta.llama…`.
 * `undefined` where the id does not tell: ARNs of application inference profiles, provisioned and imported models.
 * Source: https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
 */
export function makerOf(model: string): string | undefined {
  return MAKER.exec(model)?.[1];
}

const MAKER =
  /(?:^|[./])(anthropic|amazon|ai21|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|twelvelabs|writer|zai)\./;

export const isAnthropic = (model: string): boolean => makerOf(model) === 'anthropic';

/**
 * Whose reasoning signatures a model issues and takes back. Claude's are Anthropic's on every platform: "`signature`
 * values are compatible across platforms (Claude APIs, Amazon Bedrock, and Google Cloud)"
 * (https://platform.claude.com/docs/en/build-with-claude/extended-thinking). Where the id does not name the maker they
 * stay Bedrock's: it alone is known to take them back.
 */
export const issuerOf = (model: string | undefined): Issuer => (model !== undefined && isAnthropic(model) ? 'anthropic' : 'bedrock');

/** Makers of models that have a prompt cache, and models whose maker is not known. Elsewhere a cache point is an error. */
export function mayCache(model: string): boolean {
  const maker = makerOf(model);
  return maker === undefined || maker === 'anthropic' || maker === 'amazon';
}
