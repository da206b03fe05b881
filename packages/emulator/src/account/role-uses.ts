import { EmulatorError } from '../errors.ts';
import { lookUp } from '../state/look-up.ts';
import type { Role } from '../state/records.ts';
import type { OperationContext } from './context.ts';

/** When roles were last used. */
export interface RoleUses {
  /** Records that credentials of a role were issued now. */
  use(role: Pick<Role, 'roleId'>): void;
  /** Returns when credentials of a role were last issued, in epoch milliseconds; undefined if never. */
  lastUsedMs(role: Pick<Role, 'roleId'>): number | undefined;
  /** Forgets a role that is deleted. */
  forget(role: Pick<Role, 'roleId'>): void;
}

/** A stored use is replaced by one that is so much later: not each request for credentials waits for the disk. */
const STEP_MS = 60_000;

/** The last uses of roles: the exact ones in memory, and those of the latest minute in the stored state. */
export function openRoleUses({ store, now }: OperationContext): RoleUses {
  const latest = new Map<string, number>();
  const storedMs = (roleId: string) => lookUp(store.state.roleUses, roleId)?.lastUsedMs;
  return {
    use({ roleId }) {
      const lastUsedMs = now();
      latest.set(roleId, lastUsedMs);
      const stored = storedMs(roleId);
      if (stored !== undefined && Math.abs(lastUsedMs - stored) < STEP_MS) return;
      try {
        store.put('roleUses', roleId, { lastUsedMs });
      } catch (error) {
        // Credentials are issued all the same if the disk is full: the next use tries again.
        if (!(error instanceof EmulatorError)) throw error;
      }
    },
    lastUsedMs: ({ roleId }) => latest.get(roleId) ?? storedMs(roleId),
    forget({ roleId }) {
      latest.delete(roleId);
      if (storedMs(roleId) !== undefined) store.remove('roleUses', roleId);
    },
  };
}
