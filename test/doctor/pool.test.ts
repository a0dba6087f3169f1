import { defineEntity, p, type Options } from '@mikro-orm/core';
import { expect, test, type TestContext } from 'vitest';
import { examine } from '../../src/doctor/doctor.js';
import { explicitEntities } from '../../src/index.js';
import { createDatabase, describeDriver, type TestDatabase } from '../support/databases.js';
import { startPgBouncer } from '../support/pgbouncer.js';

const examined = async (config: object) => {
  const Note = defineEntity({ name: 'Note', tableName: 'note', properties: { id: p.integer().primary() } });
  const { report } = await examine({ ...config, entities: explicitEntities({ Note }) } as unknown as Options);
  return {
    ok: report.ok,
    ids: report.findings.map(({ id, severity }) => `${severity} ${id}`),
    evidence: report.findings.flatMap(({ evidence }) => evidence ?? []),
    text: report.findings.map(({ message }) => message).join('\n'),
  };
};

for (const driver of ['postgresql', 'mariadb'] as const) {
  await describeDriver(driver, () => {
    test('a pool that is larger than the server', async () => {
      const database = await createDatabase(driver);
      expect(await examined({ ...database.config, pool: { max: 5 } })).toMatchObject({ ok: true, ids: [] });
      const large = await examined({ ...database.config, pool: { max: 100_001 } });
      expect(large).toMatchObject({ ok: false, ids: ['error pool-maximum'] });
      await database.drop();
    });
  });
}

await describeDriver('postgresql', () => {
  /** Runs `work` with an empty database by its direct URL, and through PgBouncer. */
  async function withPooler(
    context: TestContext,
    mode: 'transaction' | 'session',
    work: (direct: TestDatabase['config'], pooled: TestDatabase['config']) => Promise<void>,
    settings?: string,
  ): Promise<void> {
    const bouncer = await startPgBouncer({ mode, settings });
    if (!bouncer) {
      expect(process.env['REQUIRE_ALL'], 'PgBouncer is not installed').not.toBe('1');
      console.warn('SKIPPED: PgBouncer is not installed');
      return context.skip();
    }
    const database = await createDatabase('postgresql');
    try {
      await work(database.config, { ...database.config, port: bouncer.port });
    } finally {
      await bouncer.stop();
      await database.drop();
    }
  }

  test('a pooler of transactions is told from the server, and what it breaks', context =>
    withPooler(context, 'transaction', async (direct, pooled) => {
      const own = { sessionContext: 'connection', onCreateConnection: async () => undefined };
      expect(await examined({ ...direct, ...own })).toMatchObject({ ok: true, ids: [] });
      expect(await examined({ ...pooled, pool: { max: 100_001 } })).toMatchObject({
        ok: true,
        ids: ['warning transaction-pooling'],
        evidence: [],
      });
      expect(await examined({ ...pooled, ...own })).toMatchObject({
        ok: false,
        ids: ['error pooler-session', 'warning transaction-pooling'],
        evidence: [expect.stringContaining('onCreateConnection')],
      });
    }));

  for (const size of [1, 2, 20]) {
    test(`a pooler of sessions breaks nothing, with ${size} of them`, context =>
      withPooler(
        context,
        'session',
        async (_, pooled) => {
          const config = { ...pooled, sessionContext: 'connection', pool: { max: 1 } };
          expect(await examined(config)).toMatchObject({ ok: true, ids: [] });
        },
        `default_pool_size = ${size}`,
      ));
  }

  test('settings that a pooler leaves out', context =>
    withPooler(
      context,
      'session',
      async (direct, pooled) => {
        const driverOptions = { statement_timeout: 5_000, options: '-c search_path=app,public -c DateStyle=ISO' };
        expect(await examined({ ...direct, driverOptions })).toMatchObject({ ok: true, ids: [] });
        const { ok, ids, text } = await examined({ ...pooled, driverOptions });
        expect({ ok, ids }).toEqual({ ok: false, ids: ['error pooler-settings'] });
        expect(text).toContain('statement_timeout=5000, search_path=app,public. ');
      },
      'ignore_startup_parameters = extra_float_digits, statement_timeout, options',
    ));
});
