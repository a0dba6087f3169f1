import { MikroORM, type Options } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { expect, test } from 'vitest';
import { createOrmSingleton } from '../../src/index.js';
import { describeDriver, DRIVERS } from '../support/databases.js';
import {
  ALL,
  appConfig,
  consult,
  createGuideDatabase,
  execute,
  MIGRATION_NAMES,
  Migration20260303000000,
  readAll,
  schemaDiff,
  select,
  withOrm,
} from './support/guide-app.js';

const HEALTHY = { ok: true, findings: [], repair: { sql: [], questions: [] } };

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    test('all that the guide left is found, and the SQL repairs it', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const { config } = appConfig(base);
      const report = await consult(config);
      expect(report.ok).toBe(false);
      expect(report.findings.map(({ id }) => id)).toEqual([
        'table-name',
        'recorded-names',
        ...Array.from({ length: 4 }, () => 'join-column'),
        'discriminator',
        'check',
      ]);
      for (const { fix, message } of report.findings) {
        expect(fix).toMatch(/\.$/);
        expect(message).toMatch(/\.$/);
      }
      expect(report.renamed).toEqual({ g: MIGRATION_NAMES });
      expect(report.repair.questions).toEqual([]);
      expect(report.repair.sql.join('\n')).not.toMatch(/drop (column|index.*column)|delete from (?!sqlite_sequence)/);

      await execute(config, report.repair.sql);
      expect(await readAll(base)).toEqual(ALL);
      expect(await schemaDiff(base)).toBe('');
      expect(await consult(appConfig(base).config)).toEqual(HEALTHY);
      await withOrm(new MikroORM(appConfig(base).config) as MikroORM, async orm =>
        expect(await orm.migrator.up()).toEqual([]),
      );
      await drop();
    });

    test('the migration does the same, and `renamed` the names', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const { repair, renamed } = await consult(appConfig(base).config);
      const Migration20990101000000 = compile(repair.migration!);
      const listed = { ...migrationsOf(appConfig(base).config), Migration20990101000000 };
      const { config } = appConfig(base, listed, { renamed });
      await withOrm(new MikroORM(config) as MikroORM, async orm => {
        expect((await orm.migrator.up()).map(({ name }) => name)).toEqual(['Migration20990101000000']);
      });
      expect(await readAll(base)).toEqual(ALL);
      expect(await schemaDiff(base)).toBe('');
      expect(await consult(appConfig(base, listed).config)).toEqual(HEALTHY);
      await drop();
    });

    test('check() does not call it healthy before, and does afterwards', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const check = async (): Promise<object> => {
        await using orm = createOrmSingleton({ ...appConfig(base).config, contextName: `doctor ${driver}` });
        return await orm.check();
      };
      const unhealthy = (reason: RegExp) => ({
        ok: false,
        schema: { ok: false, reason: expect.stringMatching(reason) },
      });
      expect(await check()).toMatchObject(unhealthy(/recorded as g: .*npx mikro-orm-web doctor/));
      const { sql } = (await consult(appConfig(base).config)).repair;
      const names = sql.filter(line => /^update \S*mikro_orm_migrations/.test(line));
      await execute(appConfig(base).config, names);
      expect(await check()).toMatchObject(unhealthy(/has no column (animal_id|article_id)/));
      // the rest; the discriminators last
      const rest = await consult(appConfig(base).config);
      await execute(
        appConfig(base).config,
        rest.repair.sql.filter(line => / rename column /.test(line)),
      );
      expect(await check()).toMatchObject(unhealthy(/animal\.type has the value [km], which no class has/));
      await execute(appConfig(base).config, (await consult(appConfig(base).config)).repair.sql);
      expect(await check()).toEqual({ ok: true, database: { ok: true }, migrations: { ok: true, pending: [] } });
      await drop();
    });

    test('a migration that the production build has skipped stays pending, and a pending one is no finding', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const listed = { ...migrationsOf(appConfig(base).config), Migration20260303000000 };
      const { config } = appConfig(base, listed);
      const report = await consult(config);
      expect(report.renamed).toEqual({ g: MIGRATION_NAMES });
      await execute(config, report.repair.sql);
      expect(await consult(appConfig(base, listed).config)).toEqual(HEALTHY);
      await withOrm(new MikroORM(appConfig(base, listed).config) as MikroORM, async orm =>
        expect((await orm.migrator.up()).map(({ name }) => name)).toEqual(['Migration20260303000000']),
      );
      expect(await select(config, 'select cents, note from account')).toEqual([{ cents: 5_000_000, note: null }]);
      await drop();
    });
  });
}

function migrationsOf(config: Options): Record<string, unknown> {
  const { migrationsList = [] } = config.migrations!;
  return Object.fromEntries(migrationsList.map(entry => [entry.name, 'class' in entry ? entry.class : entry]));
}

/** The class of a source that doctor prints. */
function compile(source: string): unknown {
  const body = source
    .replace(/^import .*$/m, '')
    .replace(/export class MigrationX+ /, 'return class ')
    .replace(/^ *override name = .*$/m, '')
    .replaceAll('override ', '')
    .replaceAll(/\): (boolean|Promise<void>) \{/g, ') {');
  return new Function('Migration', body)(Migration);
}
