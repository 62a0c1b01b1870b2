import type { Credentials } from '../../core/credentials.ts';
import { GatewayError } from '../../core/errors.ts';
import type { UnlockedVault } from '../../core/ports.ts';

/** Reads these values of an organisation. One that cannot be read fails those who need it, and nobody else. */
export async function unlocked(kept: Pick<Credentials, 'vault'>, org: string, names: readonly string[]): Promise<UnlockedVault> {
  const read = async (name: string) => [name, await kept.vault(org, name).catch(GatewayError.from)] as const;
  const values = new Map(await Promise.all(names.map(read)));
  return {
    org,
    get(name) {
      const value = values.get(name);
      if (value instanceof GatewayError) throw value;
      return value;
    },
  };
}
