// One replica of an app, as a process of its own: migrates the database that each message names, by this library or as
// the guide does, and tells what it saw as soon as it could serve.

import { MikroORM, type IDatabaseDriver, type Options } from '@mikro-orm/core';
import { LibSqlDriver } from '@mikro-orm/libsql';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { Migration, Migrator } from '@mikro-orm/migrations';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { createOrmSingleton, explicitMigrations } from '../../dist/index.js';

export interface Order {
  mode: 'ours' | 'guide';
  driver: keyof typeof DRIVERS;
  config: Partial<Options<IDatabaseDriver>>;
  lockTimeout?: number;
  /** More of the options of `explicitMigrations`. */
  options?: Parameters<typeof explicitMigrations>[1];
}
export interface Report {
  /** What each migration left behind: its name, once for each time that it ran. */
  ran?: string[];
  recorded?: string[];
  error?: string;
}

const DRIVERS = {
  sqlite: SqliteDriver,
  libsql: LibSqlDriver,
  postgresql: PostgreSqlDriver,
  mariadb: MariaDbDriver,
};

/** So long that the process can be killed meanwhile. */
const pause = () => new Promise(resolve => setTimeout(resolve, Number(process.env['PAUSE'] ?? 20)));

class Migration1 extends Migration {
  override async up(): Promise<void> {
    await this.execute('create table ran (name varchar(50))');
    await this.execute(`insert into ran values ('Migration1')`);
  }
}
class Migration2 extends Migration {
  override async up(): Promise<void> {
    await this.execute('create table users (id integer primary key, email varchar(100))');
    process.send?.('migrating');
    await pause();
    await this.execute(`insert into ran values ('Migration2')`);
  }
}
/** Not in a transaction: PostgreSQL builds the index while others go on, and waits for their snapshots. */
class Migration3 extends Migration {
  override isTransactional(): boolean {
    return false;
  }
  override async up(): Promise<void> {
    const concurrently = this.driver.getDependencies().includes('pg') ? 'concurrently' : '';
    await this.execute(`create unique index ${concurrently} users_email on users (email)`);
    await this.execute(`insert into ran values ('Migration3')`);
  }
}
class Migration4 extends Migration {
  override async up(): Promise<void> {
    await this.execute('alter table users add column age integer');
    await this.execute(`insert into ran values ('Migration4')`);
  }
}
const migrations = { Migration1, Migration2, Migration3, Migration4 };
const quiet = { silent: true, snapshot: false };

/** The ORM of a replica that is ready to serve. */
async function start({ mode, driver, config, lockTimeout, options }: Order): Promise<[MikroORM, () => Promise<void>]> {
  const common = {
    ...config,
    driver: DRIVERS[driver],
    entities: [],
    discovery: { warnWhenNoEntities: false },
  } as Partial<Options<IDatabaseDriver>>;
  if (mode === 'guide') {
    const orm = await MikroORM.init({
      ...common,
      extensions: [Migrator],
      migrations: {
        ...quiet,
        allOrNothing: false, // with Migration3 it would wait for itself
        migrationsList: Object.entries(migrations).map(([name, type]) => ({ name, class: type })),
      },
    });
    await orm.migrator.up();
    return [orm, () => orm.close()];
  }
  const orm = createOrmSingleton(
    { ...common, ...explicitMigrations(migrations, { ...quiet, ...options }) },
    { migrate: lockTimeout === undefined ? true : { lockTimeout } },
  );
  return [await orm(), () => orm.close()];
}

process.on('message', (order: Order) => {
  const report: Promise<Report> = start(order).then(
    async ([orm, close]) => {
      try {
        const names = async (sql: string): Promise<string[]> => {
          const rows: { name: string }[] = await orm.driver.getConnection().execute(sql);
          return rows.map(({ name }) => name).sort();
        };
        await names('select age as name from users');
        return {
          ran: await names('select name from ran'),
          recorded: await names('select name from mikro_orm_migrations'),
        };
      } finally {
        await close();
      }
    },
    (error: Error & { detail?: string }) => ({ error: [`${error.name}: ${error.message}`, error.detail].join(' ') }),
  );
  report.catch((error: Error) => ({ error: error.message })).then(answer => process.send?.(answer));
});
process.send?.('ready');
