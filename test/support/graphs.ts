import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import type * as Library from '../../src/index.js';
import type { DatabaseConfig } from './databases.js';

const dist = resolve(import.meta.dirname, '../../dist');
// below the repository, so that its packages are found
const copies = resolve(import.meta.dirname, `../.tmp/graphs/${process.pid}-${Date.now()}`);
let graphs = 0;

/** Evaluates the library once more. */
export async function importLibrary(): Promise<typeof Library> {
  const copy = join(copies, String(++graphs));
  await cp(dist, copy, { recursive: true });
  return import(/* @vite-ignore */ pathToFileURL(join(copy, 'index.js')).href);
}

/**
 * A module graph as a bundler makes one: a copy of the library, of the entities and of the config of its own, on the one
 * `@mikro-orm/core` of the process. With a `library`, a reload that only evaluates the app's own modules again.
 */
export async function createGraph(database: DatabaseConfig, library?: typeof Library) {
  library ??= await importLibrary();
  const UserSchema = defineEntity({
    name: 'User',
    tableName: 'users',
    properties: { id: p.integer().primary(), email: p.string().unique(), name: p.string() },
  });
  class User extends UserSchema.class {}
  UserSchema.setClass(User);
  const config = {
    ...database,
    entities: library.explicitEntities({ User }),
    ...library.explicitMigrations({ Migration20260101000000 }, { silent: true, snapshot: false }),
  };
  return { ...library, User, config };
}

/** Creates the table that {@link createGraph} maps, on each driver. */
export class Migration20260101000000 extends Migration {
  override up(): void {
    this.addSql(
      `create table users (id ${autoIncrement(this.driver.getDependencies())}, email varchar(200) not null unique, name varchar(200) not null)`,
    );
  }
}

function autoIncrement(packages: string[]): string {
  if (packages.includes('mysql2')) {
    return 'int auto_increment primary key';
  }
  return packages.includes('pg') || packages.includes('@electric-sql/pglite')
    ? 'serial primary key'
    : 'integer primary key';
}
