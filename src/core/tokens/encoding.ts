/** OpenAI's vocabularies that can be counted exactly. */
export type Encoding = 'o200k_base' | 'cl100k_base';

export const ENCODINGS: readonly Encoding[] = ['o200k_base', 'cl100k_base'];

/** Counts the tokens of a text in one encoding. Special tokens (`<|endoftext|>`) count as the ordinary text they are. */
export interface Tokenizer {
  readonly encoding: Encoding;
  /** Tokens, exactly; linear in the text's length but for a logarithm in that of its longest unbroken piece. */
  count(text: string): number;
}

/** Port: where tokenizers come from. The first use of an encoding loads its vocabulary, every later one shares it. */
export interface Tokenizers {
  of(encoding: Encoding): Promise<Tokenizer>;
}

/**
 * The encoding of OpenAI's model families, by the beginning of a model's name; the longest beginning decides.
 * Source: https://github.com/openai/tiktoken/blob/main/tiktoken/model.py (families), and OpenAI's model pages for what
 * came later; `gpt-oss` uses o200k_harmony, which differs from o200k_base in its special tokens alone.
 */
const FAMILIES: readonly (readonly [beginning: string, encoding: Encoding])[] = [
  ['gpt-5', 'o200k_base'],
  ['gpt-4.1', 'o200k_base'],
  ['gpt-4.5', 'o200k_base'],
  ['gpt-4o', 'o200k_base'],
  ['gpt-oss', 'o200k_base'],
  ['chatgpt-4o', 'o200k_base'],
  ['codex-mini', 'o200k_base'],
  ['computer-use-preview', 'o200k_base'],
  ['o1', 'o200k_base'],
  ['o3', 'o200k_base'],
  ['o4', 'o200k_base'],
  ['gpt-4', 'cl100k_base'],
  ['gpt-3.5', 'cl100k_base'],
  // Azure's spelling.
  ['gpt-35', 'cl100k_base'],
  ['text-embedding-3', 'cl100k_base'],
  ['text-embedding-ada-002', 'cl100k_base'],
];

/**
 * The encoding of a model by its id, or `undefined` where its vendor's vocabulary is not one of OpenAI's or not known.
 * A provider's or organisation's prefix (`openai/gpt-4o`) and that of a fine-tuned model (`ft:gpt-4o:…`) are passed over.
 */
export function encodingOf(model: string): Encoding | undefined {
  const bare = model.slice(model.lastIndexOf('/') + 1).replace(/^ft:/, '');
  let longest: readonly [string, Encoding] | undefined;
  for (const family of FAMILIES) {
    if (bare.startsWith(family[0]) && endsFamily(bare, family[0]) && family[0].length > (longest?.[0].length ?? 0)) longest = family;
  }
  return longest?.[1];
}

/** `o1-mini` and `gpt-4-turbo` belong to the family, `o100` and `gpt-45` do not. */
function endsFamily(model: string, beginning: string): boolean {
  const next = model.charCodeAt(beginning.length);
  return !(next >= 48 && next <= 57);
}
