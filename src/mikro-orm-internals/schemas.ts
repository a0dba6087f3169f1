import type { Type } from '@mikro-orm/core';
import type { CheckDef, Column, DatabaseSchema, DatabaseTable, ForeignKey, IndexDef } from '@mikro-orm/sql';
import type { AnyOrm } from '../orm-source.js';
import { sqlConnections, type SqlConnection } from './connections.js';

/** The schema that the entities describe, and the one that the database has; reads only, and not the migrations table. */
export async function readSchemas(orm: AnyOrm): Promise<{ target: DatabaseSchema; actual: DatabaseSchema }> {
  const { schema: generator, config } = orm as unknown as {
    schema: { getTargetSchema(): DatabaseSchema };
    config: { get(name: 'schemaGenerator'): { skipTables?: string[]; skipViews?: string[] } };
  };
  const target = generator.getTargetSchema();
  const { skipTables, skipViews } = config.get('schemaGenerator');
  // the class is found here: an import of @mikro-orm/sql could be another copy than the driver's
  const create = (target.constructor as unknown as { create(...args: unknown[]): Promise<DatabaseSchema> }).create.bind(
    target.constructor,
  );
  const [connection, platform] = [orm.driver.getConnection('write'), orm.driver.getPlatform()];
  const namespaces = target.getNamespaces();
  const actual = await create(
    connection,
    platform,
    orm.config,
    undefined,
    namespaces,
    undefined,
    skipTables,
    skipViews,
  );
  const wildcard = [...orm.getMetadata().getAll().values()].filter(meta => meta.schema === '*');
  for (const schema of [target, actual]) {
    schema.prune(
      undefined,
      wildcard.map(meta => meta.tableName),
    );
  }
  return { target, actual };
}

/** What writes MikroORM's DDL. */
export function schemaHelper(orm: AnyOrm): SchemaHelper {
  return (orm.driver.getPlatform() as unknown as PlatformInternals).getSchemaHelper();
}

interface MigrationStorageInternals {
  getStorage(): { resolveTableName(): { tableName: string; schemaName: string | undefined } };
}

/** The table in which migrations are recorded. */
export function migrationsTableName(orm: AnyOrm): { tableName: string; schemaName: string | undefined } {
  return (orm.migrator as unknown as MigrationStorageInternals).getStorage().resolveTableName();
}

export async function hasMigrationsTable(orm: AnyOrm): Promise<boolean> {
  const { tableName, schemaName } = migrationsTableName(orm);
  return schemaHelper(orm).tableExists(sqlConnections(orm)[0]![1], tableName, schemaName);
}

/** What `MigrationStorage.ensureTable()` would run. */
export function migrationsTableSql(orm: AnyOrm): string[] {
  const { tableName, schemaName } = migrationsTableName(orm);
  const platform = orm.driver.getPlatform() as unknown as PlatformInternals;
  const { schema: generator } = orm as unknown as { schema: { getTargetSchema(): DatabaseSchema } };
  const Schema = generator.getTargetSchema().constructor as new (platform: unknown, name: string) => DatabaseSchema;
  const table = new Schema(platform, schemaName ?? '').addTable(tableName, schemaName);
  const length = platform.getDefaultDateTimeLength();
  table.addColumn({
    name: 'id',
    type: platform.getIntegerTypeDeclarationSQL({ autoincrement: true, unsigned: true }),
    mappedType: platform.getMappedType('number'),
    primary: true,
    autoincrement: true,
  });
  table.addColumn({
    name: 'name',
    type: platform.getVarcharTypeDeclarationSQL({}),
    mappedType: platform.getMappedType('string'),
  });
  table.addColumn({
    name: 'executed_at',
    type: platform.getDateTimeTypeDeclarationSQL({ length }),
    mappedType: platform.getMappedType('datetime'),
    default: platform.getCurrentTimestampSQL(length),
    length,
  });
  return schemaHelper(orm).createTable(table);
}

interface PlatformInternals {
  getDefaultDateTimeLength(): number;
  getIntegerTypeDeclarationSQL(column: object): string;
  getVarcharTypeDeclarationSQL(column: object): string;
  getDateTimeTypeDeclarationSQL(column: object): string;
  getCurrentTimestampSQL(length: number): string;
  getMappedType(type: string): Type<unknown>;
  getSchemaHelper(): SchemaHelper;
}
export interface SchemaHelper {
  /** The database from which others are created; undefined where there is none. */
  getManagementDbName(): string | undefined;
  createCheck(table: DatabaseTable, check: CheckDef): string;
  createTableColumn(column: Column, table: DatabaseTable): string | undefined;
  tableExists(connection: SqlConnection, table: string, schema: string | undefined): Promise<boolean>;
  createTable(table: DatabaseTable): string[];
  createForeignKey(table: DatabaseTable, key: ForeignKey): string;
  createIndex(index: IndexDef, table: DatabaseTable): string;
}
