import { NO_CONNECTIONS, type PoolStats } from '../pool/pool-stats.js';

/** What goes on in a process under one name: what `stats()` of an {@link OrmSingleton} returns. */
export interface OrmStats {
  /**
   * Connections by role: `write`, and `read 0`, `read 1` … for the replicas. Without those of a Kysely instance of your own,
   * of MongoDB, and of runs of migrations, which have a pool of their own.
   */
  pools: { write: PoolStats; [role: string]: PoolStats };
  /** Contexts of `withRequestContext`, and EntityManagers of `openEm`, that have not ended. */
  unitsOfWork: number;
  /** ORMs that are attached, one for each module graph. */
  orms: number;
  /** Runs of migrations: that look, wait for the lock, or migrate. */
  runs: number;
}

/** Before the first use, and after `close()`. */
export const NOTHING = (): OrmStats => ({ pools: { write: { ...NO_CONNECTIONS } }, unitsOfWork: 0, orms: 0, runs: 0 });
