import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MikroORM, type Options } from '@mikro-orm/core';
import { OrmConfigError } from '../../errors.js';
import { driverOptions, isOwnPool, isSql, schemaHelper, sqlConnections } from '../../mikro-orm-internals.js';
import type { AnyOrm } from '../../orm-source.js';
import { identifyDatabase } from '../../process/database-identity.js';
import { mysqlStore } from './mysql.js';
import { pgliteStore } from './pglite.js';
import { postgresqlStore } from './postgresql.js';
import { sqliteStore } from './sqlite.js';
import { digest, type TestStore } from './test-store.js';

/** An ORM without entities, which reads the settings, and the list of migrations. */
export function ormBeside(settings: Partial<Options>, dbName = settings.dbName): AnyOrm {
  return new MikroORM({
    ...settings,
    ...(dbName === undefined ? {} : { dbName }),
    entities: [],
    entitiesTs: [],
    subscribers: [],
    replicas: [],
    ensureDatabase: false,
    ensureIndexes: false,
    discovery: { ...settings.discovery, warnWhenNoEntities: false },
    contextName: `${settings.contextName ?? 'default'} tests`,
  } as Options) as unknown as AnyOrm;
}

/** Finds out where the test databases of these settings are. `probe` was made from them. */
export function openStore(probe: AnyOrm, settings: Partial<Options>): TestStore {
  const connection = isSql(probe) ? sqlConnections(probe)[0]![1] : undefined;
  const options = connection && driverOptions(connection);
  const packages = probe.driver.getDependencies();
  const driver = packages.at(-1) ?? 'this driver';
  if (!connection || isOwnPool(options)) {
    throw new OrmConfigError(
      `createTestDatabase cannot copy the database of ${connection ? 'a Kysely instance or dialect in driverOptions' : driver}.`,
    );
  }
  const named = ['database', 'dataDir', 'dbName', 'url', 'connectionString', 'uri', 'pglite'].filter(
    key => key in ((options ?? {}) as object),
  );
  if (named.length > 0) {
    throw new OrmConfigError(
      `createTestDatabase leads to a copy by dbName, and driverOptions.${named.join(', ')} would win. Name the database by dbName.`,
    );
  }
  const dbName = String(probe.config.get('dbName'));
  if (packages.includes('pg') || packages.includes('mysql2')) {
    const admin = ormBeside(settings, schemaHelper(probe).getManagementDbName());
    return packages.includes('pg') ? postgresqlStore(admin, dbName) : mysqlStore(admin, dbName);
  }
  const { inMemory, file } = identifyDatabase(probe);
  const base = inMemory
    ? join(tmpdir(), `mikro-orm-web-${digest(process.cwd(), driver, settings.contextName ?? '')}`)
    : /^file:|\?/.test(dbName)
      ? (file ?? dbName)
      : dbName;
  if (packages.includes('@electric-sql/pglite')) {
    return pgliteStore(base, inMemory, (options ?? {}) as object);
  }
  if (packages.includes('better-sqlite3') || (packages.includes('libsql') && !base.includes('://'))) {
    return sqliteStore(ormBeside(settings, `${base}_template`), base);
  }
  throw new OrmConfigError(`createTestDatabase knows no databases of ${driver} at ${dbName}.`);
}
