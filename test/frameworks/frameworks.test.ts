import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isReachable } from '../support/databases.js';
import { AppCopy, type CliResult } from './support/app.js';
import { createAppDatabase, createAppServer, type AppDatabase } from './support/database.js';
import { editsTable, editUnderLoad, type EditResults } from './support/edits.js';
import { EXPECTATIONS } from './support/expectations.js';
import { TEST_APPS, typeCheck, type TestApp } from './support/frameworks.js';
import { installLibrary, isInstalled } from './support/install.js';
import { loseDatabase } from './support/outage.js';
import type { AppServer } from './support/server.js';

const isThere = (await isInstalled()) && (await isReachable('postgresql'));
if (!isThere && process.env['REQUIRE_ALL'] === '1') {
  throw new Error('REQUIRE_ALL=1, and the frameworks are not installed, or the server for postgresql does not answer');
}
if (!isThere) {
  console.warn('SKIPPED: needs PostgreSQL, and the frameworks: node test/frameworks/support/install.ts');
}

/** By app and variant, then by expectation. */
const table: Record<string, Record<string, string>> = {};
const edits = new Map<string, EditResults>();

const versions = ({ packages }: TestApp): string =>
  (isThere ? packages : [])
    .map(name => {
      const file = join(import.meta.dirname, 'node_modules', name, 'package.json');
      return `${name} ${(JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version}`;
    })
    .join(', ');

beforeAll(() => (isThere ? installLibrary() : undefined));
afterAll(() => {
  for (const [app, results] of Object.entries(table)) {
    console.log([app, ...Object.entries(results).map(([name, result]) => `  ${name.padEnd(34)} ${result}`)].join('\n'));
  }
  console.log(editsTable(edits));
});

describe.skipIf(!isThere).each(TEST_APPS)('$name', app => {
  let copy: AppCopy;
  let added: CliResult;
  beforeAll(async () => {
    copy = await AppCopy.create(app);
    if (app.prepare) await copy.run(app.prepare);
    added = await copy.cli(['add', app.name]);
  });
  afterAll(() => copy?.remove());

  test('add writes the adapter, and keeps what is there', () => {
    expect(added, added.output).toMatchObject({ code: 0, output: added.stdout });
    expect(added.stdout.match(/^Wrote .*$/gm)).toEqual(app.written.map(file => `Wrote ${file}`));
  });

  describe.each([
    ['production', false],
    ['minified', true],
  ] as const)('%s', (variant, minify) => {
    const results: Record<string, string> = (table[`${app.name}, ${variant} (${versions(app)})`] = {});
    let database: AppDatabase;
    let server: AppServer;
    beforeAll(async () => {
      await copy.build(minify);
      database = await createAppDatabase();
      server = await (await copy.start(minify, database.env)).listening();
    });
    afterAll(async () => {
      await server?.stop();
      await database?.drop();
    });

    test.each(Object.keys(EXPECTATIONS))('%s', async name => {
      results[name] = 'failed';
      results[name] = await EXPECTATIONS[name]!({ app, server, database, minify });
    });

    test('a database that is not there', async () => {
      results['database not there'] = 'failed';
      results['database not there'] = await loseDatabase(copy, minify, database);
    });
  });

  test.runIf(app.dev)('development: edits while requests go on', { timeout: 900_000 }, async () => {
    const database = await createAppServer(300); // the singleton that is written by hand leaves open what it opens
    const server = await (await copy.dev(database.env)).listening();
    try {
      edits.set(`${app.name} (${versions(app)})`, await editUnderLoad(copy, server, database));
    } catch (error) {
      console.log(server.running.output().slice(-3000));
      throw error;
    } finally {
      await server.stop();
      await database.drop();
    }
  });

  test('the command line, with the aliases of the framework', async () => {
    const database = await createAppDatabase();
    const config = ['--config', `${app.sources}/mikro-orm.config.ts`];
    const migrated = await copy.cli(['migrate', ...config], database.env);
    expect(migrated, migrated.output).toMatchObject({ code: 0 });
    const status = await copy.cli(['status', '--json', ...config], database.env);
    expect(status, status.output).toMatchObject({ code: 0 });
    expect(JSON.parse(status.stdout)).toMatchObject({ applied: ['Migration20260101000000'], pending: [], unknown: [] });
    const doctor = await copy.cli(['doctor', '--json', ...config], database.env);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { id: string }[] };
    // the app lies in this repository, which has MikroORM, too
    expect(findings.filter(({ id }) => id !== 'core-copies')).toEqual([]);

    // an import that the framework's bundler and tsconfig.json accept
    await copy.edit('migrations/index.ts', text => text.replace(/^export.*\n/m, 'export {};\n'));
    const index = await copy.cli(['add', 'index', ...config], database.env);
    expect(index, index.output).toMatchObject({ code: 0 });
    const text = await readFile(join(copy.path, app.sources, 'migrations/index.ts'), 'utf8');
    expect(text).toContain("export { Migration20260101000000 } from './Migration20260101000000.ts';");
    await database.drop();
  });

  test('types', () => copy.run(typeCheck(app)));
});
