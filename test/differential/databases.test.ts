import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { describeDriver, onServer } from '../support/databases.js';
import { compareAll, type Scenario } from './support/compare.js';
import { EMBEDDED, HANGS, SERVERS, describeError, failure, limit, openSide, type Side } from './support/side.js';

const FILES = EMBEDDED.filter(driver => driver !== 'pglite');
const tables = async ({ orm }: Pick<Side, 'orm'>): Promise<string[]> => {
  const names = await orm.schema.getUpdateSchemaSQL();
  return names.trim() ? ['differs'] : ['as the entities say'];
};

/** What changes tables, in the database of the config. */
const schemas: Scenario[] = [
  {
    name: 'schema.refresh() empties the tables',
    own: true,
    drivers: [...FILES, ...SERVERS],
    expected: ['as the entities say'],
    async run(side) {
      await side.orm.schema.refresh();
      return tables(side);
    },
  },
  {
    name: 'schema.clear() empties the tables',
    own: true,
    drivers: [...FILES, ...SERVERS],
    async run(side) {
      await side.orm.schema.clear();
      return side.orm.em.fork().count(side.Author);
    },
    expected: 0,
  },
  {
    name: 'schema.drop(), create() and update()',
    own: true,
    drivers: [...FILES, ...SERVERS],
    expected: [['differs'], ['as the entities say'], ['as the entities say']],
    async run(side) {
      const found = [];
      await side.orm.schema.drop();
      found.push(await tables(side));
      await side.orm.schema.update();
      found.push(await tables(side));
      await side.orm.schema.drop();
      await side.orm.schema.create();
      found.push(await tables(side));
      return found;
    },
  },
  {
    name: 'schema.ensureDatabase() of a database that is there',
    own: true,
    drivers: [...FILES, ...SERVERS],
    expected: [false, true, false],
    async run({ orm }) {
      const first = await orm.schema.ensureDatabase({ forceCheck: true });
      return [first, await orm.schema.ensureDatabase(), await orm.schema.ensureDatabase({ forceCheck: true })];
    },
  },
  {
    name: 'schema.execute() of several statements',
    own: true,
    drivers: [...FILES, ...SERVERS],
    async run({ orm }) {
      await orm.schema.execute(
        `insert into author (id, name) values (6, 'a;b');\ninsert into author (id, name) values (7, 'c')`,
      );
    },
  },
];

await compareAll(schemas);

// Another database than the one that the ORM was opened with: we reach it, or refuse before anything is touched. Each
// scenario has databases of its own, and a management database of its own: `postgres` is never the one that is used.

for (const driver of ['postgresql', 'mariadb', 'mysql'] as const) {
  await describeDriver(driver, () => {
    describe.each(['plain', 'shared'] as const)('%s', kind => {
      const made: string[] = [];
      const admin = { driver: undefined as never, dbName: driver === 'postgresql' ? 'postgres' : 'test' };
      let server: typeof admin | undefined;

      interface Pair extends Side {
        /** A name for a second database. */
        second: string;
      }

      async function open(alone: boolean): Promise<Pair> {
        const name = `mow_${process.pid}_${kind}_${made.length}_${Date.now().toString(36)}`;
        const management = `${name}_m`;
        const second = `${name}_s`;
        made.push(management, second);
        const side = await openSide(kind, driver, {
          alone,
          config: () => ({ schemaGenerator: { managementDbName: management } }) as never,
        });
        onTestFinished(() => side.end());
        server = { ...side.database.config, ...admin, driver: side.database.config.driver as never };
        await onServer(server, `create database ${management}`);
        await side.orm.em.fork().execute(`insert into author (id, name) values (1, 'original')`);
        return { ...side, second };
      }

      afterAll(async () => {
        for (const name of made) {
          await onServer(server!, `drop database if exists ${name}${driver === 'postgresql' ? ' with (force)' : ''}`);
        }
      });

      /** The rows of a database, on a connection of its own. */
      const rowsOf = (side: Side, dbName: string): Promise<unknown> =>
        failure(onServer({ ...side.database.config, dbName }, 'select name from author order by id'));
      const current = async ({ orm }: Side): Promise<string> => {
        const [row] = await orm.em
          .fork()
          .execute<{ name: string }[]>(
            `select ${driver === 'postgresql' ? 'current_database()' : 'database()'} as name`,
          );
        return row!.name;
      };
      const exists = async (name: string): Promise<boolean> => {
        const catalog =
          driver === 'postgresql'
            ? 'select datname as name from pg_database'
            : 'select schema_name as name from information_schema.schemata';
        const found = await onServer<{ name: string }[]>(server!, catalog);
        return found.some(row => row.name === name);
      };
      /** Done, or refused by us with an OrmConfigError. */
      async function done(work: Promise<unknown>): Promise<boolean> {
        const outcome = await limit(work.then(() => true, describeError));
        expect(outcome).not.toBe(HANGS);
        if (outcome !== true) {
          expect(outcome).toMatchObject({ code: 'ORM_CONFIG' });
          expect(kind, 'plain MikroORM does it').toBe('shared');
        }
        return outcome === true;
      }
      const ORIGINAL = { resolved: [{ name: 'original' }] };

      test('reconnect({ dbName }) reaches the other database', async () => {
        const side = await open(false);
        await onServer(server!, `create database ${side.second}`);
        const isDone = await done(side.orm.reconnect({ dbName: side.second }));
        expect(await current(side)).toBe(isDone ? side.second : side.database.config.dbName);
        if (kind === 'shared') {
          expect(await current({ ...side, orm: side.other }), 'another graph stays').toBe(side.database.config.dbName);
        }
        expect(await rowsOf(side, side.database.config.dbName!)).toEqual(ORIGINAL);
      });

      test('createDatabase(), then refresh(): the tables of the new database are emptied, and no others', async () => {
        const side = await open(false);
        const isDone = await done(side.orm.schema.createDatabase(side.second));
        if (isDone) {
          await done(side.orm.schema.refresh());
          expect(await current(side)).toBe(side.second);
          expect(await rowsOf(side, side.second)).toEqual({ resolved: [] });
        }
        expect(await rowsOf(side, side.database.config.dbName!)).toEqual(ORIGINAL);
      });

      test('reconnect({ dbName }) and clear() do not empty the first database', async () => {
        const side = await open(false);
        await onServer(server!, `create database ${side.second}`);
        if (await done(side.orm.reconnect({ dbName: side.second }))) {
          await done(side.orm.schema.create());
          await done(side.orm.schema.clear());
        }
        expect(await rowsOf(side, side.database.config.dbName!)).toEqual(ORIGINAL);
      });

      test('dropDatabase() twice drops the database of the config, and never another one', async () => {
        const side = await open(true);
        const { dbName } = side.database.config;
        const management = made.at(-2)!;
        const first = await limit(failure(side.orm.schema.dropDatabase()));
        await limit(failure(side.orm.schema.dropDatabase()));
        expect(await exists(management), 'the management database').toBe(true);
        expect(side.orm.config.get('dbName')).toBe(dbName);
        const isDone = 'resolved' in (first as object);
        expect(await exists(dbName!)).toBe(!isDone);
        if (!isDone) {
          expect([kind, first]).toMatchObject(['shared', { code: 'ORM_CONFIG' }]);
        }
      });

      test('refresh({ dropDb: true }) makes the database anew', async () => {
        const side = await open(true);
        const isDone = await done(side.orm.schema.refresh({ dropDb: true }));
        expect(await current(side)).toBe(side.database.config.dbName);
        expect(await rowsOf(side, side.database.config.dbName!)).toEqual(isDone ? { resolved: [] } : ORIGINAL);
      });
    });
  });
}

for (const driver of FILES as ('sqlite' | 'libsql')[]) {
  await describeDriver(driver, () => {
    test.each(['plain', 'shared'] as const)('%s: reconnect({ dbName }) reaches the other file', async kind => {
      const side = await openSide(kind, driver);
      onTestFinished(() => side.end());
      await side.orm.em.fork().execute(`insert into author (id, name) values (1, 'original')`);
      const outcome = await failure(side.orm.reconnect({ dbName: `${side.database.config.dbName}.second` }));
      if ('resolved' in (outcome as object)) {
        await side.orm.schema.refresh();
        expect(await side.orm.em.fork().count(side.Author)).toBe(0);
      } else {
        expect([kind, outcome]).toMatchObject(['shared', { code: 'ORM_CONFIG' }]);
      }
      expect(await onServer(side.database.config, 'select name from author')).toEqual([{ name: 'original' }]);
    });
  });
}
