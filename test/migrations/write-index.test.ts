import { link, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { explicitMigrations } from '../../src/index.js';
import { writeMigrationIndex } from '../../src/migrations/write-index.js';

let folder: string;
let orm: MikroORM;
const logger = vi.fn();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  logger.mockClear();
  orm = new MikroORM({
    driver: SqliteDriver,
    dbName: ':memory:',
    baseDir: folder,
    entities: [],
    discovery: { warnWhenNoEntities: false },
    logger,
    ...explicitMigrations({}, { silent: true, snapshot: false, path: folder }),
  }) as MikroORM;
});
afterEach(async () => {
  await orm.close();
  await rm(folder, { recursive: true, force: true });
});

const MARK = '// Written by mikro-orm-web: migration:create keeps this list up to date.\n';
const write = (name: string, text: string) => writeFile(join(folder, name), text);
const index = async (emit = 'ts') => (await readFile(join(folder, `index.${emit}`), 'utf8')).replace(MARK, '').trim();
const update = async (emit = 'ts') => {
  await writeMigrationIndex(orm.config, folder, emit);
  return index(emit);
};
const said = () => logger.mock.calls.flat().join('\n');

describe('finds what a file exports', () => {
  test.each([
    ['export class X extends Migration {}', "export { X } from './X.js';"],
    ['export default class X extends Migration {}', "export { default as X } from './X.js';"],
    ['class X extends Migration {}\nexport default X;', "export { default as X } from './X.js';"],
    ['export class X extends Migration {}\nexport default X;', "export { X } from './X.js';"],
    ['class X extends Migration {}\nexport { X };', "export { X } from './X.js';"],
    ['class g extends Migration {}\nexport { g as X, g as default };', "export { X } from './X.js';"],
    ['export const X = class extends Migration {};', "export { X } from './X.js';"],
    ['export const X = defineMigration(() => []);', "export { X } from './X.js';"],
    ['export const X: typeof Migration = class extends Migration {};', "export { X } from './X.js';"],
    ['// export class Old {}\n/* export class Older {} */\nexport class X {}', "export { X } from './X.js';"],
    ["export class X { up() { this.addSql(`\nexport class Y\n// it's`); } }", "export { X } from './X.js';"],
    ['export class X { up() { this.addSql(/\'/, "it\'s // not"); } }', "export { X } from './X.js';"],
    ['export class Helper {}\nexport class X extends Migration {}', "export { X } from './X.js';"],
    [
      'export abstract class Base {}\nexport const sql = `a`;\nexport class X extends Base {}',
      "export { X } from './X.js';",
    ],
    ['export interface Y {}\nexport type Z = 1;\nexport class X {}', "export { X } from './X.js';"],
  ])('%s', async (source, line) => {
    await write('X.ts', source);
    expect(await update()).toBe(line);
    expect(said()).toBe('');
  });

  test('also under another name than the file, and several of them', async () => {
    await write('0001-users.ts', 'export class Migration1 extends Migration {}');
    await write(
      '0002-notes.ts',
      'export class Migration2 extends Migration {}\nexport class Migration3 extends Migration {}',
    );
    await write('0003.ts', 'export class AddNotes extends Migration {}');
    expect(await update()).toBe(`export { Migration1 } from './0001-users.js';
export { Migration2, Migration3 } from './0002-notes.js';
export { AddNotes } from './0003.js';`);
  });

  test.each([
    ['class X {}\nexports.X = X;', "exports.X = require('./X.cjs').X;"],
    ['module.exports.X = class extends Migration {};', "exports.X = require('./X.cjs').X;"],
    ['class X {}\nmodule.exports = { X };', "exports.X = require('./X.cjs').X;"],
    ['class X {}\nmodule.exports = { helper, X: X };', "exports.X = require('./X.cjs').X;"],
    ['module.exports = class X extends Migration {};', "exports.X = require('./X.cjs');"],
    ['class X {}\nmodule.exports = X;', "exports.X = require('./X.cjs');"],
  ])('CommonJS: %s', async (source, line) => {
    await write('X.cjs', source);
    expect(await update('cjs')).toBe(line);
  });
});

test('a file whose export cannot be told keeps its line, and a new one is a warning', async () => {
  await write('index.ts', `${MARK}export { Migration1 } from "./Migration1";\nexport { Gone } from './Gone';\n`);
  await write('Migration1.ts', "export * from './elsewhere/first.js';");
  await write('Migration2.ts', "export * from './elsewhere/second.js';");
  await write('Migration3.ts', 'export class Migration3 {}');
  expect(await update()).toBe(`export { Migration1 } from "./Migration1";\nexport { Migration3 } from './Migration3';`);
  expect(said()).toMatch(/Migration2\.ts.*index\.ts/);
  expect(said()).not.toMatch(/Migration1\.ts/);
});

test('what was listed by hand, and is still exported, stays', async () => {
  await write('index.ts', `${MARK}export { AddUsers, AddNotes } from './Migration1.js';\n`);
  await write(
    'Migration1.ts',
    'export const AddUsers = make();\nexport const AddNotes = make();\nexport class Migration1 {}',
  );
  expect(await update()).toBe("export { Migration1, AddUsers, AddNotes } from './Migration1.js';");
});

test('names of files are no code', async () => {
  await write("X'; alert(1); '.ts", 'export class X {}');
  expect(await update()).toBe(`export { X } from "./X'; alert(1); '.js";`);
});

test('--name über', async () => {
  const { fileName } = await orm.migrator.create(undefined, true, false, 'über');
  const name = fileName.replace('.ts', '');
  expect(name).toMatch(/über$/);
  expect(await readFile(join(folder, fileName), 'utf8')).toContain(`export class ${name} `);
  expect(await index()).toBe(`export { ${name} } from './${name}.js';`);
});

test('a reader sees the index as it was or as it is', async () => {
  await write('Migration1.ts', 'export class Migration1 {}');
  await update();
  await link(join(folder, 'index.ts'), join(folder, 'as-it-was'));
  await write('Migration2.ts', 'export class Migration2 {}');
  await update();
  expect(await readFile(join(folder, 'as-it-was'), 'utf8'), 'the old file was not written to').not.toContain(
    'Migration2',
  );
  expect((await readdir(folder)).sort()).toEqual(['Migration1.ts', 'Migration2.ts', 'as-it-was', 'index.ts']);
});

test("one's own index can be adopted as the message says", async () => {
  await write('Migration1.ts', 'export class Migration1 {}');
  await write('index.ts', 'export const mine = 1;\n');
  await update();
  expect(said()).toMatch(/left alone.*export \{\};/);
  await write('index.ts', 'export {};\n');
  expect(await update()).toBe("export { Migration1 } from './Migration1.js';");
});
