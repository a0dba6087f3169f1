import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCli, runScript } from '../support/cli.js';

let folder: string;
beforeEach(async ({ task }) => {
  folder = resolve(import.meta.dirname, `../.tmp/add-index-${process.pid}-${task.id}`);
  await mkdir(join(folder, 'src/migrations'), { recursive: true });
  const settings = { type: 'module', devDependencies: { '@mikro-orm/cli': '7.2.1' } };
  await write(
    'package.json',
    JSON.stringify({ ...settings, 'mikro-orm': { preferTs: false, configPaths: ['./src/mikro-orm.config.js'] } }),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const read = (name: string) => readFile(join(folder, name), 'utf8');
const run = (...args: string[]) => runCli(folder, 'add', 'index', ...args);
const migration = (name: string) =>
  `import { Migration } from '@mikro-orm/migrations';\nexport class ${name} extends Migration {\n  override up() {\n    this.addSql('select 1');\n  }\n}\n`;
const adds = async (name: string, to = 'src/migrations') => write(`${to}/${name}.ts`, migration(name));
const MARK = '// Written by mikro-orm-web: migration:create keeps this list up to date.\n';
const line = (name: string) => `export { ${name} } from './${name}.js';\n`;
const writeConfig = (options = '') =>
  write(
    'src/mikro-orm.config.js',
    `import { defineConfig } from '@mikro-orm/sqlite';
import { explicitMigrations } from 'mikro-orm-web';
import * as migrations from './migrations/index.ts';
export default defineConfig({
  dbName: 'app.db', entities: [], discovery: { warnWhenNoEntities: false },
  ...explicitMigrations(migrations, { silent: true, snapshot: false${options} }),
});
`,
  );

test('adopts what is there, though the config imports the index that is missing, and can be run again', async () => {
  await writeConfig(", path: './src/migrations'");
  await adds('Migration1');
  await adds('Migration2');
  const first = await run();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toMatch(
    /^Wrote to .*src\/migrations\/index\.ts:\n {2}export \{ Migration1 \}.*\n {2}export \{ Migration2 \}/,
  );
  expect(first.stdout).toContain("import * as migrations from './migrations'");
  expect(await read('src/migrations/index.ts')).toBe(MARK + line('Migration1') + line('Migration2'));
  await adds('Migration3');
  const second = await run();
  expect(second).toMatchObject({ code: 0 });
  expect(second.stdout).not.toMatch(/Migration1/);
  expect(await read('src/migrations/index.ts')).toBe(
    MARK + line('Migration1') + line('Migration2') + line('Migration3'),
  );
  expect(await run()).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/has all of them already: Migration1, Migration2, Migration3/),
  });
});

test('loses nothing of an index that was written by hand', async () => {
  const byHand = `import { Migration1 } from './Migration1.js';
export { Migration1 as default, Migration1 };
export { Old } from '../elsewhere/old.js';
// the end`;
  await write('src/migrations/index.ts', byHand);
  await adds('Migration1');
  await adds('Migration2');
  expect(await run()).toMatchObject({ code: 0, stdout: expect.stringMatching(/by hand stays/) });
  expect(await read('src/migrations/index.ts')).toBe(`${byHand}\n${line('Migration2')}`);
  expect((await run()).stdout).toMatch(/all of them already/);
  expect(await read('src/migrations/index.ts')).toBe(`${byHand}\n${line('Migration2')}`);
});

test('keeps a listed migration that is written in another language', async () => {
  await write('src/migrations/index.ts', `${MARK}export { Migration0 } from './Migration0.js';\n`);
  await write('src/migrations/Migration0.js', migration('Migration0').replace('override ', ''));
  await adds('Migration1');
  expect((await run()).code).toBe(0);
  expect(await read('src/migrations/index.ts')).toBe(MARK + line('Migration0') + line('Migration1'));
});

test('says what it cannot tell', async () => {
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringMatching(/no migration in .*--path/) });
  await mkdir(join(folder, 'migrations'));
  await adds('Migration1');
  await adds('Migration1', 'migrations');
  expect(await run()).toMatchObject({ code: 1, stderr: expect.stringMatching(/src\/migrations.*--path/) });
  expect((await run('--path', 'migrations')).code).toBe(0);
  expect(await read('migrations/index.ts')).toBe(MARK + line('Migration1'));
  await write('migrations/Migration2.ts', '// a Migration\nexport * from "./Migration1.js";');
  expect(await run('--path', 'migrations')).toMatchObject({ code: 1, stderr: expect.stringMatching(/Migration2\.ts/) });
});

test('a config in src/ without `path`: the refusal names the folder, and so does migration:create', async () => {
  await write('src/migrations/index.ts', 'export {};\n');
  await writeConfig();
  const refused = await runCli(folder, 'migrate');
  expect(refused.stderr).toMatch(/list is empty.*to \.\/migrations in .*path: '\.\/src\/migrations'/);
  const cli = resolve(import.meta.dirname, '../../node_modules/@mikro-orm/cli/cli.js');
  const created = await runScript(cli, folder, 'migration:create', '--blank');
  expect(created.code).toBe(0);
  expect(created.stdout + created.stderr).toMatch(/src\/migrations has an index, too.*path: '\.\/src\/migrations'/s);
});
