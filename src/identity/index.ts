import type { IdentityKind } from '../core/identity.ts';
import { anonymous } from './anonymous/anonymous.ts';
import { jwt } from './jwt/jwt.ts';
import { mtls } from './mtls/mtls.ts';
import { oauth } from './oauth/oauth.ts';
import { signature } from './signature/signature.ts';

/** Who may ask without a key of this gateway, in the order in which they are tried. Keys come before all of them. */
export const identities: readonly IdentityKind[] = [oauth, jwt, signature, mtls, anonymous];
