import type { Dialect } from '../core/dialect.ts';
import type { IdentityKind } from '../core/identity.ts';
import type { Policy } from '../core/policy.ts';
import type { Provider } from '../core/provider.ts';
import type { Strategy } from '../core/strategy.ts';
import { dialects } from '../dialects/index.ts';
import { identities } from '../identity/index.ts';
import { policies } from '../policies/index.ts';
import { providers } from '../providers/index.ts';
import { strategies } from '../strategies/index.ts';

/** Everything a document can name. The schema's unions are read off these lists. */
export interface Rolls {
  readonly policies: readonly Policy[];
  readonly strategies: readonly Strategy[];
  readonly providers: readonly Provider[];
  readonly dialects: readonly Dialect[];
  /** In the order in which they are tried. */
  readonly identities: readonly IdentityKind[];
}

/** The shelves as they stand. */
export const rolls: Rolls = { policies, strategies, providers, dialects, identities };
