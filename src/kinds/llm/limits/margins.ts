/** Over an estimated count: what estimates of texts are off by (docs/tokens.md). */
export const HEADROOM = 1.25;
/** Tokens of a picture or a page whose size nobody looked at. */
export const MEDIA_TOKENS = 1_600;
/** No number that is foreseen is larger: more is refused all the same, and sums stay exact. */
export const MOST = 1e12;
