import type { AsyncLocalStorage } from 'node:async_hooks';
import { OrmConfigError } from '../errors.js';

/** A run of migrations, as the code that it calls finds it. */
interface Run {
  readonly name: string;
  isRunning: boolean;
  /** The run of another database, which has called this one. */
  readonly outer: Run | undefined;
}

// On globalThis, as a migration may ask another module graph's ORM. The key carries a version, as the registry's does.
const KEY = Symbol.for('mikro-orm-web/running-migrations@1');

function runs(): AsyncLocalStorage<Run> {
  const host = globalThis as { [KEY]?: AsyncLocalStorage<Run> };
  return (host[KEY] ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)<Run>());
}

/** Runs migrations of the ORM of this name. What they call and await must not wait for that ORM; what outlives them may. */
export async function whileMigrating<T>(name: string, work: () => Promise<T>): Promise<T> {
  const run: Run = { name, isRunning: true, outer: runs().getStore() };
  try {
    return await runs().run(run, work);
  } finally {
    run.isRunning = false;
  }
}

/** Whether a migration of the ORM of this name has called this. */
export function isMigrating(name: string | undefined): boolean {
  for (let run = runs().getStore(); run; run = run.outer) {
    if (run.isRunning && run.name === name) {
      return true;
    }
  }
  return false;
}

/** Throws where a migration asks for the app's own ORM: that waits for the run, or has other connections than it. */
export function assertNotMigrating(name: string | undefined): void {
  if (isMigrating(name)) {
    throw new OrmConfigError(
      `A migration, or what lists the schemas to migrate, uses the ORM "${name}", which waits for it to end. In a migration, use this.execute(), this.addSql() or this.getEntityManager(), which run in its transaction.`,
    );
  }
}
