import type { IDatabaseDriver, MikroORM, Options } from '@mikro-orm/core';
import { attachPools } from './attach-pools.js';
import { assertRuntime, buildOrm, resolveConfig, type DriverEm, type OrmConfig } from './build-orm.js';
import { assertMigratable, migrationsKey } from './migrate.js';
import { isProduction, joinNamedOrm } from './named-orm.js';
import { answer, isAlreadyThere, openDatabase, type ConnectOptions } from './open-database.js';
import { rememberOrm, runOnce, type NamedOrm } from './process-state.js';
import { assertAllListed } from './unlisted-entities.js';
import { weakenRegistry } from './weak-registry.js';
import type { AnyOrm, EntityList } from './orm-source.js';

/** An ORM on the pool of its name, not connected yet. */
export interface AttachedOrm<ORM extends AnyOrm = AnyOrm> {
  readonly orm: ORM;
  readonly named: NamedOrm;
  /** As the config said before it was switched off for this ORM: MikroORM would do these on each connect. */
  readonly ensure: { database: Options['ensureDatabase']; indexes: boolean };
  /** Runs `work` on a throw-away ORM, on connections of its own unless `attach` is set. */
  aside(work: (orm: ORM) => Promise<unknown>, attach: boolean): Promise<void>;
}

/** Builds the ORM of a module graph and puts it on the pool of the process. */
export async function attachOrm<D extends IDatabaseDriver, EM extends DriverEm<D>, E extends EntityList>(
  config: OrmConfig<D, EM, E>,
  overrides: Partial<Options<D, EM, E>>,
  { created, name }: { created: number; name: string | undefined },
): Promise<AttachedOrm<MikroORM<D, EM, E>>> {
  assertRuntime();
  const given = await resolveConfig(config, overrides);
  const settings = { ...given, contextName: name ?? given.contextName ?? 'default' };
  if (!isProduction()) {
    weakenRegistry();
  }
  const orm = await buildOrm(settings);
  try {
    const named = joinNamedOrm(orm, created, name !== undefined);
    assertAllListed(orm);
    const ensure = { database: orm.config.get('ensureDatabase'), indexes: orm.config.get('ensureIndexes') };
    orm.config.set('ensureDatabase', false);
    orm.config.set('ensureIndexes', false);
    attachPools(orm, named);
    rememberOrm(orm, named);
    return {
      orm,
      named,
      ensure,
      async aside(work, attach) {
        const other = await buildOrm(settings);
        try {
          if (attach) {
            attachPools(other, named);
          }
          await work(other);
        } finally {
          await other.close();
        }
      },
    };
  } catch (error) {
    await orm.close().catch(() => undefined);
    throw error;
  }
}

/** Connects, and migrates where asked to; what concerns the database itself happens once a process. */
export async function openOrm(
  { orm, named, ensure, aside }: AttachedOrm,
  options: { migrate?: unknown; connect?: ConnectOptions | undefined },
): Promise<void> {
  if (options.migrate) {
    assertMigratable(orm);
  }
  await runOnce(named, 'connect', async () => {
    await openDatabase(orm, () => aside(createDatabase, false), ensure.database !== false, options.connect);
    if (typeof ensure.database === 'object' || ensure.indexes) {
      await aside(other => other.connect(), named.exclusive);
    }
  });
  // also counts this graph among the users of the pool, before another one may close its ORM
  await answer(orm);
  if (options.migrate) {
    await runOnce(named, migrationsKey(orm), () => aside(other => other.migrator.up(), named.exclusive));
  }
}

/** MikroORM creates a missing database when it connects; another process may do so at the same time. */
async function createDatabase(orm: AnyOrm): Promise<void> {
  try {
    await orm.connect();
  } catch (error) {
    if (!isAlreadyThere(error)) {
      throw error;
    }
  }
}
