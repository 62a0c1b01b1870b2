import { GatewayError } from '../../core/errors.ts';
import type { Plan } from '../../core/plan.ts';
import type { AuthorizationServer } from '../../state/oauth/authorization-server.ts';
import type { ServerSettings } from '../../state/oauth/provider.ts';
import { type OAuthPlan, oauthOf, serverSettings } from './settings.ts';

/** The authorization server of a configuration, at work. */
export interface Opened {
  readonly plan: Plan;
  readonly oauth: OAuthPlan;
  readonly server: AuthorizationServer;
  readonly settings: ServerSettings;
}

/** Throws `not_found` where the configuration has none, `state_off`, and `not_supported` at an address where it cannot be. */
export function openServer(plan: Plan, request: Request, server: AuthorizationServer | undefined): Opened {
  const oauth = oauthOf(plan);
  if (oauth === undefined)
    throw new GatewayError('not_found', 'This gateway has no authorization server: the operator adds the identity `oauth`.');
  if (server === undefined)
    throw new GatewayError('state_off', 'This gateway keeps nothing, and so no grants: the operator sets the secret WEIR_SECRET.');
  const settings = serverSettings(plan, oauth, request);
  if (!/^https:|^http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::|$)/.test(settings.issuer)) {
    throw new GatewayError(
      'not_supported',
      'OAuth needs https: the operator gives the address of the gateway as `issuer` of the identity `oauth`.',
    );
  }
  return { plan, oauth, server, settings };
}
