/**
 * Output tokens of one picture, no fewer than OpenAI charges: https://platform.openai.com/docs/guides/image-generation.
 * Earlier models charge what stands in `LEAST` at most; gpt-image-2 charges by area, with more for squares. For the two
 * qualities above `high` no numbers are published: they are taken to be twice and four times as dear.
 */
const QUALITIES: { readonly [quality: string]: { readonly steps: number; readonly least: number; readonly times?: number } } = {
  low: { steps: 16, least: 408 },
  medium: { steps: 48, least: 1_584 },
  high: { steps: 96, least: 6_240 },
  xhigh: { steps: 96, least: 6_240, times: 2 },
  max: { steps: 96, least: 6_240, times: 4 },
};
const AREA_OFFSET = 2_000_000;
const AREA_SCALE = 4_000_000;
/** What is charged for each partial picture of a stream. */
const PARTIAL = 100;
/** The dearest size that there is; `auto` chooses among three of a megapixel or so, of which the square costs most. */
const LARGEST = { width: 2_880, height: 2_880 };
const AUTO = { width: 1_024, height: 1_024 };

/** Where no quality is asked for the model chooses among the three that all models have. */
export function pictureTokens(size: unknown, quality: unknown, partials = 0): number {
  const known = typeof quality === 'string' && Object.hasOwn(QUALITIES, quality) ? QUALITIES[quality] : QUALITIES.high;
  const { steps = 96, least = 6_240, times = 1 } = known ?? {};
  const { width, height } = sizeOf(size);
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  const rows = Math.round((steps * short) / long);
  const tokens = Math.ceil((steps * rows * (AREA_OFFSET + width * height)) / AREA_SCALE);
  return Math.max(tokens, least) * times + partials * PARTIAL;
}

function sizeOf(size: unknown): { readonly width: number; readonly height: number } {
  if (size === undefined || size === null || size === 'auto') return AUTO;
  const [, width, height] = (typeof size === 'string' ? /^(\d{2,4})x(\d{2,4})$/.exec(size) : null) ?? [];
  return width === undefined || height === undefined ? LARGEST : { width: Number(width), height: Number(height) };
}
