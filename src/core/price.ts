/** What is charged for one unit, in USD as vendors print it. What is absent is not charged for on its own. */
export interface Rates {
  /** USD per million tokens: these ten. */
  readonly input?: number;
  readonly output?: number;
  /** Input read from the provider's prompt cache; `input` where absent. */
  readonly cacheRead?: number;
  /** Input written to the cache; `input` where absent. */
  readonly cacheWrite5m?: number;
  /** Input written to be kept for an hour; `cacheWrite5m` where absent. */
  readonly cacheWrite1h?: number;
  /** Output spent on reasoning; `output` where absent, as with the three below and the rate of text. */
  readonly reasoning?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
  readonly imageInput?: number;
  readonly imageOutput?: number;
  /** USD each: these five. */
  readonly perRequest?: number;
  readonly perSearch?: number;
  readonly perImage?: number;
  readonly perSecond?: number;
  readonly perCharacter?: number;
}

/** Other rates for the whole request once its input is longer than this; what is absent stays as it is. */
export interface RateTier extends Rates {
  /** Input tokens, cached ones included. */
  readonly above: number;
}

export interface Price extends Rates {
  /** In rising order; the last one that is passed holds for every token of the request. */
  readonly tiers?: readonly RateTier[];
}

/** A price with the time it holds in. */
export interface DatedPrice extends Price {
  /** `YYYY-MM-DD`, from midnight UTC on. */
  readonly from?: string;
  /** Daily hours in UTC, `["01:00", "04:00"]`: from the first until before the second. */
  readonly between?: readonly [string, string];
}

export type Capability = 'tools' | 'reasoning' | 'structured';

/** What is known of one model at one provider. What is absent is unknown, not nothing. */
export interface ModelCard {
  readonly id: string;
  /** Tokens of input and output together. */
  readonly context?: number;
  readonly maxOutput?: number;
  /** `text`, `image`, `audio`, `video`, `pdf`. */
  readonly reads?: readonly string[];
  readonly writes?: readonly string[];
  readonly can?: readonly Capability[];
  /** The last one that holds at the time counts, and the first one where none does. */
  readonly prices?: readonly DatedPrice[];
  /** What a way of serving (`batch`, `flex`, `priority`) costs, as a multiple of the ordinary price of tokens. */
  readonly factors?: { readonly [way: string]: number };
}

/** Prices and limits that the configuration gives for a provider's models, over those of the catalogue. */
export interface PriceList {
  /** Whose part of the catalogue holds for what is not listed. */
  readonly catalogue: string;
  /** `config:<revision>`, for every price that is taken from `models`. */
  readonly version: string;
  /** By model id in lower case. */
  readonly exact: ReadonlyMap<string, ModelCard>;
  /** By the beginning of a model id in lower case; longest first. */
  readonly prefixes: readonly { readonly prefix: string; readonly card: ModelCard }[];
}
