import type { Credentials } from '../../core/credentials.ts';
import type { Clock } from '../../core/ports.ts';
import type { ConnectionObject } from './connection-object.ts';
import { connectionById, connectionId, KeptCredentials } from './credentials.ts';
import { VaultSeal } from './seal.ts';
import { Vault } from './vault.ts';

/** What keeps credentials, for those who use them and those who administer them. */
export interface CredentialDesk {
  /** Absent where the deployment has no secret to seal with. */
  readonly credentials: Credentials | undefined;
  readonly seal: VaultSeal;
  /** A value of the vault was changed by this isolate. */
  vaultChanged(): void;
  /** The id of a connection, in 64 hexadecimal digits; absent where none can be kept. */
  connectionId(holder: string, account: string): Promise<string | undefined>;
  /** Takes back what was granted. Whether there was anything. */
  drop(id: string): Promise<boolean>;
}

export function credentialDesk(parts: {
  readonly db: D1Database | undefined;
  readonly objects: DurableObjectNamespace<ConnectionObject> | undefined;
  /** The secret in use, then the one before it. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
}): CredentialDesk {
  const { db, objects, secrets, clock } = parts;
  const vault = db && new Vault(db, secrets, clock);
  return {
    credentials: secrets.length === 0 ? undefined : new KeptCredentials(objects, vault, secrets),
    seal: new VaultSeal(secrets),
    vaultChanged: () => vault?.changed(),
    connectionId: async (holder, account) => objects && connectionId(objects, holder, account),
    drop: async (id) => (objects === undefined ? false : ((await connectionById(objects, id)?.drop()) ?? false)),
  };
}
