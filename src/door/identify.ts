import { GatewayError } from '../core/errors.ts';
import type { Identity } from '../core/exchange.ts';
import type { IdentityKind, PlanIdentity, Proof, Shown, Witness } from '../core/identity.ts';
import { isObject } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import type { Ports } from '../core/ports.ts';
import { Snapshots } from '../core/snapshots.ts';
import { fill, type Template } from '../core/template.ts';
import { checkOrigin } from '../identity/api-key/allowed.ts';
import type { KeyRing } from '../identity/api-key/ring.ts';
import type { AppRing } from '../identity/apps/ring.ts';
import { basicCredentials } from '../identity/basic/basic.ts';
import { presentedKey } from './credential.ts';
import { originOf, tlsClientOf } from './origin.ts';

type After = (work: Promise<unknown>) => void;

/** Entries of two revisions at their largest. */
const MOST_WITNESSES = 128;

export interface CallersOptions {
  readonly keys: KeyRing;
  readonly apps: AppRing;
  /** Whether an edge stands before the gateway, which says where calls come from and what certificate was shown. */
  readonly edge: boolean;
  plan(after: After): Plan | Promise<Plan>;
  ports(after: After): Ports;
}

/** What a credential is to the admin API: who may use it, a caller who may not, or nobody. */
export type AdminVerdict = { readonly actor: string } | { readonly refusal: GatewayError };

/** Says who is asking: a key first, without waiting where this isolate knows it, then what the configuration's identities see. */
export class Callers {
  readonly #options: CallersOptions;
  readonly #witnesses = new WeakMap<PlanIdentity, Witness>();
  /** By what the entry says, so that a revision which leaves an entry as it was leaves what its witness remembers, too. */
  readonly #kept = new Snapshots<Witness>(MOST_WITNESSES);

  constructor(options: CallersOptions) {
    this.#options = options;
  }

  /** Throws `missing_key`, `invalid_key`, `not_allowed`, and `overloaded` where who it is cannot be found out. */
  identify(request: Request, after: After): Identity | Promise<Identity> {
    const { keys } = this.#options;
    const presented = presentedKey(request);
    if (presented !== undefined) {
      const known = keys.known(presented, after);
      return known === undefined ? this.#find([presented], request, after) : this.#fromHere(known, request);
    }
    const credentials = basicCredentials(request.headers.get('authorization'));
    for (const credential of credentials) {
      const known = keys.known(credential, after);
      if (known !== undefined) return this.#fromHere(known, request);
    }
    return this.#find(credentials, request, after);
  }

  /** Who a caller is now that was let in before; `undefined` where the credential holds no more. */
  async renewed(who: Identity): Promise<Identity | undefined> {
    const { keys, apps } = this.#options;
    if (who.keyId.startsWith('key_')) return keys.current(who.keyId);
    const app = await apps.current({ org: who.org, team: who.team, app: who.app });
    if (app === undefined) return undefined;
    // What the entry of the configuration adds to the app stays as it was.
    const own = (who.limits ?? []).filter(({ level, id }) => level === 'key' && id === who.keyId);
    const limits = [...(app.limits ?? []), ...own];
    return {
      ...app,
      keyId: who.keyId,
      ...(who.user === undefined ? {} : { user: who.user }),
      ...(limits.length === 0 ? {} : { limits }),
      ...(who.metadata === undefined ? {} : { metadata: { ...app.metadata, ...who.metadata } }),
      ...(who.claims === undefined ? {} : { claims: who.claims }),
      ...(who.scopes === undefined ? {} : { scopes: who.scopes }),
    };
  }

  /** Whether a bearer token may use the admin API. Keys, and tokens of callers, are refused otherwise than what is neither. */
  async administrator(token: string, request: Request, after: After): Promise<AdminVerdict> {
    const { keys } = this.#options;
    const plan = await this.#options.plan(after);
    let isKnown = keys.known(token, after) !== undefined;
    let refusal = new GatewayError('invalid_key', 'This is neither the admin token nor a token of an administrator.');
    for (const entry of isKnown ? [] : plan.identities) {
      try {
        const proof = await this.#witness(entry).prove({ request, token, mostBody: plan.limits.body }, this.#options.ports(after));
        if (proof?.admin !== undefined) return { actor: `${keyIdOf(entry)}:${proof.admin}` };
        isKnown ||= proof !== undefined;
      } catch (thrown) {
        const error = GatewayError.from(thrown);
        isKnown ||= error.code === 'not_allowed';
        if (weightOf(error) >= weightOf(refusal)) refusal = error;
      }
    }
    if (!isKnown) isKnown = (await keys.identify(token, after)) !== undefined;
    if (!isKnown) return { refusal };
    return { refusal: new GatewayError('not_allowed', 'The credential is valid and may not use the admin API.') };
  }

  async #find(credentials: readonly string[], request: Request, after: After): Promise<Identity> {
    const { keys } = this.#options;
    for (const token of credentials) {
      // Keys have no dots, and what looks like a token is asked about where tokens are known.
      const proven = token.includes('.') ? await this.#prove(request, token, after) : undefined;
      const who = proven ?? (await keys.identify(token, after));
      if (who !== undefined) return this.#fromHere(who, request);
    }
    if (credentials.length > 0) {
      throw new GatewayError('invalid_key', 'The gateway key is not valid. Check that it was copied whole, or ask the operator for one.');
    }
    const proven = await this.#prove(request, undefined, after);
    if (proven !== undefined) return this.#fromHere(proven, request);
    throw new GatewayError('missing_key', 'Send a gateway key, for example as `Authorization: Bearer <key>` or `x-api-key: <key>`.');
  }

  /** As whom the first entry that sees something good lets it count. What one sort of entry refused, no other sort may take. */
  async #prove(request: Request, token: string | undefined, after: After): Promise<Identity | undefined> {
    const plan = await this.#options.plan(after);
    if (plan.identities.length === 0) return undefined;
    const { edge } = this.#options;
    const { ip } = originOf(request, edge);
    const tlsClient = tlsClientOf(request, edge);
    const shown: Shown = {
      request,
      mostBody: plan.limits.body,
      ...(token === undefined ? {} : { token }),
      ...(ip === undefined ? {} : { ip }),
      ...(tlsClient === undefined ? {} : { tlsClient }),
    };
    const ports = this.#options.ports(after);
    let refused: { readonly by: IdentityKind; readonly error: GatewayError } | undefined;
    for (const entry of plan.identities) {
      if (refused !== undefined && refused.by !== entry.kind) break;
      try {
        const proof = await this.#witness(entry).prove(shown, ports);
        if (proof !== undefined) return await this.standsFor(entry, proof, after);
      } catch (thrown) {
        const error = GatewayError.from(thrown);
        if (refused === undefined || weightOf(error) > weightOf(refused.error)) refused = { by: entry.kind, error };
      }
    }
    if (refused !== undefined) throw refused.error;
    return undefined;
  }

  /** Throws `not_allowed` where its owner said that it must not be used from here. */
  #fromHere(identity: Identity, request: Request): Identity {
    if (identity.allowed !== undefined) checkOrigin(identity, originOf(request, this.#options.edge));
    return identity;
  }

  #witness(entry: PlanIdentity): Witness {
    const known = this.#witnesses.get(entry);
    if (known !== undefined) return known;
    const { kind, name, settings } = entry;
    const said = JSON.stringify([kind.use, name, settings]);
    const witness = this.#kept.get(said) ?? kind.witness(settings, name);
    this.#kept.put(said, witness);
    this.#witnesses.set(entry, witness);
    return witness;
  }

  /** As whom something proven counts. Throws `invalid_key` where that is nobody, or nobody any longer. */
  async standsFor(entry: PlanIdentity, proof: Proof, after: After): Promise<Identity> {
    const { facts, user: own, scopes, key, token } = proof;
    if (key !== undefined) return this.#keyOf(key, entry, proof, after);
    const { as, limits } = entry;
    if (as === undefined) throw new GatewayError('not_allowed', 'This credential is for the admin API, and calls nothing else.');
    const filled = (template: Template) => {
      const text = fill(template, facts);
      if (text === undefined)
        throw new GatewayError('invalid_key', 'The credential is genuine, and does not say all that tells whose it is.');
      return text;
    };
    const ref = {
      app: filled(as.app),
      ...(as.org === undefined ? {} : { org: filled(as.org) }),
      ...(as.team === undefined ? {} : { team: filled(as.team) }),
    };
    const user = as.user === undefined ? own : filled(as.user);
    const found = this.#options.apps.identify(ref, after);
    const app = found instanceof Promise ? await found : found;
    if (app === undefined) throw new GatewayError('invalid_key', 'The credential is genuine, and stands for no app that may be used.');
    const keyId = keyIdOf(entry);
    const metadata = as.metadata.flatMap(([name, template]) => {
      const text = fill(template, facts);
      return text === undefined ? [] : [[name, text] as const];
    });
    return {
      ...app,
      keyId,
      ...(user === undefined ? {} : { user }),
      ...(limits.length === 0 ? {} : { limits: [...(app.limits ?? []), { level: 'key', id: keyId, limits }] }),
      ...(metadata.length === 0 ? {} : { metadata: { ...app.metadata, ...Object.fromEntries(metadata) } }),
      ...(isObject(facts.claims) ? { claims: facts.claims } : {}),
      ...(scopes === undefined ? {} : { scopes }),
      ...(token === undefined ? {} : { token }),
    };
  }

  /** The key that a token stands for, with all that holds for it: who uses the token has no more than who has the key. */
  async #keyOf(id: string, { limits, ...entry }: PlanIdentity, { scopes, token }: Proof, after: After): Promise<Identity> {
    const who = await this.#options.keys.byId(id, after);
    if (who === undefined) throw new GatewayError('invalid_key', 'The gateway key that was signed in with is not good any longer.');
    const own = { level: 'key', id: keyIdOf({ ...entry, limits }), limits } as const;
    return {
      ...who,
      ...(limits.length === 0 ? {} : { limits: [...(who.limits ?? []), own] }),
      ...(scopes === undefined ? {} : { scopes }),
      ...(token === undefined ? {} : { token }),
    };
  }
}

/** What stands where a key's id would: which entry of the configuration it was. */
export const keyIdOf = ({ kind, name }: PlanIdentity): string => `${kind.use}:${name}`;

/** Of several refusals the one that says most is told: that it cannot be found out, that it may not, that it is not good. */
const weightOf = ({ code }: GatewayError): number => ['invalid_key', 'not_allowed', 'overloaded', 'internal'].indexOf(code);
