import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MikroORM, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { expect, test } from 'vitest';
import { checkMigrations } from '../../src/cli/migrate.js';
import { examine } from '../../src/doctor/doctor.js';
import { createOrmSingleton, explicitMigrations } from '../../src/index.js';
import { readMigrationStatus } from '../../src/migrations/migration-status.js';
import { createDatabase, describeDriver } from '../support/databases.js';

class Migration1 extends Migration {
  override name = 'Migration1';
  override up(): void {
    this.addSql('create table note (id integer)');
  }
}

type Place = [what: string, settingsOf: (place: string) => object];
const path: Place = ['a path', place => ({ dbName: place })];
const url: Place = ['a URL', place => ({ dbName: `file://${place}` })];
const dataDir: Place = ['a data folder', place => ({ dbName: 'postgres', driverOptions: { dataDir: place } })];
const PLACES = { sqlite: [path], libsql: [path, url], pglite: [path, url, dataDir] };

for (const driver of ['sqlite', 'libsql', 'pglite'] as const) {
  await describeDriver(driver, () => {
    test.each(PLACES[driver])('whatever only looks creates no database: %s', async (what, settingsOf) => {
      const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
      const place = join(folder, 'data');
      const database = await createDatabase(driver);
      const configOf = () =>
        ({
          driver: database.config.driver,
          ...settingsOf(place),
          entities: [],
          discovery: { warnWhenNoEntities: false },
          ensureDatabase: false,
          ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
        }) as unknown as Options;
      if (driver === 'pglite') {
        await mkdir(place); // an empty folder is no database either
      }
      const before = await readdir(folder, { recursive: true });
      const unchanged = async (): Promise<void> => expect(await readdir(folder, { recursive: true })).toEqual(before);

      const orm = createOrmSingleton(configOf(), { name: `looks ${driver} ${what}` });
      expect(await orm.check()).toEqual({
        ok: false,
        database: { ok: true },
        migrations: { ok: false, pending: ['Migration1'] },
      });
      await unchanged();
      const plain = new MikroORM(configOf());
      expect(await readMigrationStatus(plain)).toMatchObject({ applied: [], pending: ['Migration1'] });
      await plain.close();
      await unchanged();
      expect((await examine(configOf())).report).toMatchObject({ ok: true, findings: [] });
      await unchanged();
      expect(await checkMigrations(configOf(), undefined)).toBe(1);
      await unchanged();
      expect(existsSync('file:'), 'nor beside the app').toBe(false);

      // and as soon as it is there, it is looked at
      await (await orm()).migrator.up();
      expect(await orm.check()).toMatchObject({ ok: true });
      await orm.close();
      const again = new MikroORM(configOf());
      expect(await readMigrationStatus(again)).toMatchObject({ applied: ['Migration1'], pending: [] });
      await again.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    });
  });
}
