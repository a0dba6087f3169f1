import { expect, test } from 'vitest';
import { describeDriver } from '../support/databases.js';
import { ALL, appConfig, consult, createGuideDatabase, execute, readAll, schemaDiff } from './support/guide-app.js';

const HEALTHY = { ok: true, findings: [], repair: { sql: [], questions: [] } };

for (const driver of ['sqlite', 'libsql', 'postgresql'] as const) {
  await describeDriver(driver, () => {
    test('a repair that ends early changes nothing', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      const before = await consult(appConfig(base).config);
      const { sql } = before.repair;
      for (let length = 1; length < sql.indexOf('commit'); length++) {
        // the connection closes with the transaction open
        const rollback = driver === 'libsql' ? ['rollback'] : []; // its handle outlives close() until it is collected
        await execute(appConfig(base).config, [...sql.slice(0, length), ...(length > 1 ? rollback : [])]);
        expect(await consult(appConfig(base).config), sql[length - 1]).toEqual(before);
      }
      await execute(appConfig(base).config, sql);
      expect(await readAll(base)).toEqual(ALL);
      await drop();
    });
  });
}

for (const driver of ['mariadb', 'mysql'] as const) {
  await describeDriver(driver, () => {
    test('a repair that ends early is taken up again, at each statement', async () => {
      const { base, drop } = await createGuideDatabase(driver);
      let done = 0;
      for (
        let report = await consult(appConfig(base).config);
        !report.ok;
        report = await consult(appConfig(base).config)
      ) {
        expect(report.repair.questions).toEqual([]);
        expect(report.repair.sql, report.findings.map(({ message }) => message).join()).not.toEqual([]);
        // one statement at a time, with a new plan after each
        await execute(appConfig(base).config, report.repair.sql.slice(0, 1));
        expect(++done).toBeLessThan(60);
      }
      expect(await consult(appConfig(base).config)).toEqual(HEALTHY);
      expect(await readAll(base)).toEqual(ALL);
      expect(await schemaDiff(base)).toBe('');
      await drop();
    });
  });
}
