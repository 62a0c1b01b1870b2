import { GatewayError } from '../../core/errors.ts';
import type { PlanIdentity } from '../../core/identity.ts';
import { isObject } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';
import { isLiteral, rootsOf } from '../../core/template.ts';
import type { ConnectLink } from '../../kinds/mcp/auth/link.ts';
import { keyIdOf } from '../identify.ts';
import type { Person } from '../oauth/browser.ts';
import { oauthOf } from '../oauth/settings.ts';

/**
 * Who must sit before the page that a link leads to: whoever consents there lets the caller act as themselves, so it must be
 * the caller's own user (MCP 2025-11-25, "URL mode elicitation", on phishing). `undefined` where nobody can tell. Throws
 * `not_allowed` where the operator has no links for such callers, and `invalid_request` where their entry is gone.
 */
export function readerOf({ org, app, user, by }: ConnectLink, plan: Plan): Person | undefined {
  const oauth = oauthOf(plan);
  const login = oauth?.settings.login;
  const when = login?.connect ?? 'when-known';
  // What an operator asks for a whole organisation is nobody's in particular.
  if (oauth === undefined || login === undefined || when === 'never' || app === undefined) return undefined;
  const entry = plan.identities.find((each) => keyIdOf(each) === by);
  if (user !== undefined && entry === undefined)
    throw new GatewayError('invalid_request', 'Who may follow this link has changed since it was made. Try the call again.');
  if (user !== undefined && entry !== undefined && saysTheSame(entry, login.issuer)) return { by: keyIdOf(entry), org, app, user };
  if (when === 'when-known') return undefined;
  if (user !== undefined) return { by: keyIdOf(oauth.entry), org, app, user };
  throw new GatewayError(
    'not_allowed',
    'Accounts are connected here for callers whose credential says who they are. This one was made for no person in particular.',
  );
}

/** Whether the users of an entry are read out of what this provider says of people, so that who signs in there can be told to be one. */
function saysTheSame({ kind, settings, as }: PlanIdentity, issuer: string): boolean {
  if (as?.user === undefined || isLiteral(as.user)) return false;
  // What the caller's client is nobody says who signs in for a page.
  const roots = [as.user, ...(as.org === undefined ? [] : [as.org])].flatMap(rootsOf);
  if (!roots.every((root) => root === 'claims')) return false;
  return kind.use === 'oauth' || (kind.use === 'jwt' && isObject(settings) && settings.issuer === issuer);
}
