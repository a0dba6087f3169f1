import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAppDatabase, DRIVERS, listen, PATTERNS, POOL_MAX, watchBackends } from './support/app-database.js';
import type { AppDatabase, Driver, Pattern } from './support/app-database.js';
import { addMigration, FIRST, SECOND } from './support/edits.js';
import { LEGACY_ROWS, readMoved, runIn } from './support/legacy.js';
import { BUNDLERS, createFixtureApp, type Env, type FixtureApp, type NextServer } from './support/next-app.js';
import type { DoctorReport } from '../../src/doctor/report.js';
import { interleave, load, PLACES, readTree, tryWork, visitPlaces } from './support/visits.js';

/** The same database, for the other pattern. */
const withoutPrefix = (env: Env): Env =>
  Object.fromEntries(Object.entries(env).map(([name, value]) => [name.replace(/^GUIDE_/, ''), value]));

const SHORT = /^\w{1,3}$/;

describe.each(BUNDLERS)('production, %s', bundler => {
  let app: FixtureApp;
  let scratch: string;
  let firstBuild: { connections: number; connectionsAfterProbe: number; guideFile: boolean };
  const databases: AppDatabase[] = [];
  /** The databases that the first release leaves to the second one. */
  const kept = {} as Record<Driver, Record<Pattern, AppDatabase>>;

  async function newDatabase(driver: Driver, pattern: Pattern): Promise<AppDatabase> {
    const database = await createAppDatabase(driver, pattern);
    databases.push(database);
    return database;
  }

  async function withServer<T>(env: Env, work: (server: NextServer) => Promise<T>): Promise<T> {
    const server = await app.start(env);
    try {
      return await work(server);
    } finally {
      await server.stop();
    }
  }

  /** Does the same for both patterns, one after the other, and prints what came out. */
  async function measure<T>(what: string, work: (pattern: Pattern) => Promise<T>): Promise<Record<Pattern, T>> {
    const measured = { ours: await work('ours'), guide: await work('guide') };
    for (const pattern of PATTERNS) {
      console.log(`${bundler}, ${what}, ${pattern}: ${JSON.stringify(measured[pattern])}`);
    }
    return measured;
  }

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'mikro-orm-web-build-'));
    app = await createFixtureApp(bundler);
    for (const driver of DRIVERS) {
      kept[driver] = { ours: await newDatabase(driver, 'ours'), guide: await newDatabase(driver, 'guide') };
    }
    const counter = await listen();
    const file = join(scratch, 'guide.db');
    await app.build({ DATABASE_URL: counter.url, GUIDE_DATABASE_FILE: file });
    const connections = counter.connections();
    // shows that the listener does count
    await fetch(counter.url.replace(/^.*@/, 'http://')).catch(() => undefined);
    firstBuild = { connections, connectionsAfterProbe: counter.connections(), guideFile: existsSync(file) };
    await counter.close();
  });
  afterAll(async () => {
    await app?.remove();
    await Promise.all(databases.map(database => database.drop()));
    await rm(scratch, { recursive: true, force: true });
  });

  test('next build opens no connection; for the guide it makes a database file', () => {
    console.log(`${bundler}, next build: ${JSON.stringify(firstBuild)}`);
    expect(firstBuild).toEqual({ connections: 0, connectionsAfterProbe: 1, guideFile: true });
  });

  describe.each(DRIVERS)('%s', driver => {
    test('instrumentation, page, server action, route handler and proxy write and read, on one pool', async () => {
      const { ours, guide } = await measure(`${driver}, places`, async pattern => {
        const database = await newDatabase(driver, pattern);
        const watch = database.file ? undefined : await watchBackends(database);
        try {
          return await withServer({ ...database.env, INSTRUMENTATION: pattern }, async server => {
            await visitPlaces(server, pattern);
            const rows = await database.query<{ via: string }>('select distinct via from note');
            return {
              places: PLACES.filter(place => rows.some(({ via }) => via === place)),
              recorded: await database.recorded(),
              failedUnderLoad: watch && (await load(server, pattern)),
              handlesOrBackends: database.file ? server.handles(database.file) : watch?.max(),
            };
          });
        } finally {
          await watch?.stop();
        }
      });
      const poolMax = driver === 'sqlite' ? 1 : POOL_MAX;
      expect(ours).toEqual({
        places: PLACES,
        recorded: [FIRST],
        failedUnderLoad: driver === 'sqlite' ? undefined : 0,
        handlesOrBackends: poolMax,
      });
      expect(guide.recorded).toEqual([expect.stringMatching(SHORT)]);
      expect(guide.handlesOrBackends).toBeGreaterThan(poolMax);
      if (bundler === 'turbopack') {
        // each graph runs the migration again, under a short name of its own; webpack's happen to be the same
        expect(guide.places).not.toEqual(PLACES);
      }
    });

    test('tags, discriminators and a decorated entity', async () => {
      const { ours, guide } = await measure(`${driver}, entities`, pattern =>
        withServer(kept[driver][pattern].env, server => tryWork(server, pattern, ['tags', 'animals', 'badge'])),
      );
      expect(ours).toEqual({
        tags: { tags: ['orm', 'web'] },
        animals: { kinds: ['cat', 'dog'], dogs: 1 },
        badge: { label: 'gold', article: 'Badges' },
      });
      expect(guide.tags).toMatch(/(no column named|column) \W*\w{1,3}_id/);
      expect(guide.animals).toMatchObject({ kinds: [expect.stringMatching(SHORT), expect.stringMatching(SHORT)] });
      expect(guide.animals).not.toEqual(ours.animals);
    });
  });

  test.each(DRIVERS)('doctor repairs what the guide left in an app of many tables, %s', async driver => {
    const database = await newDatabase(driver, 'guide');
    const written = await withServer(database.env, server => server.get('/legacy/fill'));
    expect(JSON.parse(written.text)).toEqual(LEGACY_ROWS);
    expect(await database.recorded()).toEqual([expect.stringMatching(SHORT), expect.stringMatching(SHORT)]);
    // what the app would be without the repair
    await expect(readMoved(app, database)).rejects.toThrow(/tag_id/);

    const config = ['--config', 'lib/legacy/mikro-orm.config.ts'];
    const found = await runIn(app, database, 'doctor', '--json', ...config);
    expect(found).toMatchObject({ code: 1, stderr: '' });
    const { findings, repair, renamed } = JSON.parse(found.stdout) as DoctorReport;
    console.log(`${bundler}, ${driver}, doctor: ${JSON.stringify({ renamed, sql: repair.sql })}`);
    expect(findings.map(({ id }) => id)).toEqual([
      'table-name',
      'recorded-names',
      ...Array.from({ length: 4 }, () => 'join-column'),
      'discriminator',
      'check',
    ]);
    expect(repair.questions).toEqual([]);

    await database.script(repair.sql.join(';\n'));
    const repaired = { rows: LEGACY_ROWS, diff: '' };
    expect(await readMoved(app, database)).toEqual(repaired);
    const healthy = await runIn(app, database, 'doctor', '--json', ...config);
    expect(JSON.parse(healthy.stdout)).toEqual({ ok: true, findings: [], repair: { sql: [], questions: [] } });
    expect(await runIn(app, database, 'migrate', ...config)).toEqual({
      code: 0,
      stdout: 'The database has all migrations.\n',
      stderr: '',
    });
    expect(await readMoved(app, database)).toEqual(repaired);
  });

  test('a render has one EntityManager, and no two requests share one', async () => {
    const driver = DRIVERS.at(-1)!;
    const { ours, guide } = await measure(`${driver}, EntityManagers`, async pattern => {
      const database = await newDatabase(driver, pattern);
      return withServer(database.env, async server => {
        // the first request migrates
        await server.get(`/${pattern}/tree`);
        await database.query("insert into note (text, via) values ('seed', 'tree')");
        const tree = readTree(await server.get(`/${pattern}/tree?mark=first`));
        // the guide's route handlers would run the migrations again, and fail for that
        return { ...tree, ...(await interleave(server, pattern, pattern === 'guide' ? ['page'] : ['page', 'route'])) };
      });
    });
    const id = expect.stringMatching(/^\d+$/);
    expect(ours.ids).toEqual({ layout: id, metadata: id, page: id, child: id, suspense: id });
    expect(new Set(Object.values(ours.ids)).size).toBe(1);
    expect(ours.marks).toEqual({ child: 'first', suspense: 'first' });
    expect(ours.flaw).toBe('none');
    expect(ours.requests).toBeGreaterThan(1000);
    expect(guide.ids['child']).toContain('Using global EntityManager');
    expect(guide.ids['suspense']).toContain('Using global EntityManager');
    expect(guide.ids['layout']).not.toBe(guide.ids['page']);
    expect(guide.flaw).not.toBe('none');
  });

  test.runIf(DRIVERS.includes('postgresql'))('200 concurrent first requests', async () => {
    const { ours, guide } = await measure('postgresql, 200 first requests', async pattern => {
      const database = await newDatabase('postgresql', pattern);
      return withServer(database.env, async server => {
        const paths = [`/${pattern}/notes`, `/${pattern}/api/note`];
        const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => server.get(paths[i % 2]!)));
        return {
          succeeded: answers.filter(({ status }) => status === 200).length,
          migrationRuns: server.log().split('[fixture] creates the tables').length - 1,
        };
      });
    });
    expect(ours).toEqual({ succeeded: 200, migrationRuns: 1 });
    // how many of the guide's runs get as far as the first statement is a matter of luck: 1 to 14 were seen
    expect(guide.succeeded).toBeLessThan(200);
  });

  describe('with a second release', () => {
    let secondBuild: { ourFile: boolean; guideMigrated: string[] };

    beforeAll(async () => {
      await addMigration(app);
      const file = join(scratch, 'ours.db');
      const guide = await newDatabase(DRIVERS.at(-1)!, 'guide');
      await app.build({ DATABASE_FILE: file, ...guide.env });
      secondBuild = { ourFile: existsSync(file), guideMigrated: await guide.recorded() };
    });

    test('next build leaves no file; for the guide it migrates the database', () => {
      console.log(`${bundler}, next build: ${JSON.stringify(secondBuild)}`);
      expect(secondBuild.ourFile).toBe(false);
      expect(secondBuild.guideMigrated).not.toEqual([]);
    });

    test.each(DRIVERS)('an added migration runs, %s', async driver => {
      const { ours, guide } = await measure(`${driver}, added migration`, async pattern => {
        const database = kept[driver][pattern];
        const before = await database.recorded();
        const { pinned } = await withServer(database.env, server => tryWork(server, pattern, ['pinned']));
        return { before, after: await database.recorded(), pinned };
      });
      expect(ours).toEqual({ before: [FIRST], after: [FIRST, SECOND], pinned: { pinned: true } });
      expect(guide.pinned).not.toEqual({ pinned: true });
      expect(guide.after).not.toContain(SECOND);
    });

    test.each(DRIVERS)('doctor leads from the database of the guide to this pattern, %s', async driver => {
      const { guide } = kept[driver];
      const database = { ...guide, env: withoutPrefix(guide.env) };
      const doctor = async (...answers: string[]) => {
        const args = answers.flatMap(answer => ['--discriminator', answer]);
        const config = ['--config', 'lib/ours/mikro-orm.config.ts'];
        const { code, stdout, stderr } = await runIn(app, database, 'doctor', '--json', ...config, ...args);
        expect(code, stderr).not.toBe(2);
        return JSON.parse(stdout) as DoctorReport;
      };
      const animals = await guide.query<{ kind: string; name: string }>('select kind, name from animal order by id');
      expect(animals.map(({ name }) => name)).toEqual(['Rex', 'Tom']);
      // cats and dogs have no column of their own here, so that only the author can tell
      const asked = await doctor();
      expect(asked.repair.questions).toHaveLength(2);
      expect(asked.repair.sql.join()).not.toContain('animal');
      const classes: Record<string, string> = { Rex: 'dog', Tom: 'cat' };
      const { repair } = await doctor(...animals.map(({ kind, name }) => `animal.kind:${kind}=${classes[name]}`));
      console.log(`${bundler}, ${driver}, doctor: ${JSON.stringify(repair)}`);
      expect(repair.questions).toEqual([]);
      await guide.script(repair.sql.join(';\n'));
      expect(await doctor()).toMatchObject({ ok: true, findings: [] });

      expect(
        await withServer(database.env, server => tryWork(server, 'ours', ['pinned', 'animals', 'tags', 'badge'])),
      ).toEqual({
        pinned: { pinned: true },
        animals: { kinds: ['cat', 'dog'], dogs: 2 },
        tags: { tags: ['orm', 'web'] },
        badge: { label: 'gold', article: 'Badges' },
      });
      expect(await guide.recorded()).toEqual([FIRST, SECOND]);
    });
  });
});
