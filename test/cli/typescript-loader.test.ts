import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../support/cli.js';

let app: string;
// below the repository, so that its packages are found: typescript and tsx among them
beforeEach(async ({ task }) => {
  app = resolve(import.meta.dirname, `../.tmp/loader-${process.pid}-${task.id}`);
  await write('src/migrations/index.ts', "export { Migration1 } from './Migration1';");
  await write(
    'src/migrations/Migration1.ts',
    `import { Migration } from '@mikro-orm/migrations';
export class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table note (id integer primary key)');
  }
}
`,
  );
  await write(
    'src/mikro-orm.config.ts',
    `import { defineConfig, type Options } from '@mikro-orm/sqlite';
import { explicitEntities, explicitMigrations } from 'mikro-orm-web';
import * as entities from '@/entities';
import * as migrations from './migrations';
const options: Options = { dbName: 'app.db' };
export default defineConfig({
  ...options,
  entities: explicitEntities(entities as never),
  ...explicitMigrations(migrations, { silent: true, snapshot: false }),
});
`,
  );
  await write('src/entities/index.ts', "export { Note } from './note.js';\n");
  await write(
    'src/entities/note.ts',
    `import { defineEntity, p } from '@mikro-orm/core';
export class Note { id!: number; }
export const NoteSchema = defineEntity({ name: 'Note', class: Note, properties: { id: p.integer().primary() } });
`,
  );
});
afterEach(() => rm(app, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(app, file)), { recursive: true });
  await writeFile(join(app, file), text);
}

/** As create-next-app writes it, but for what no loader reads. */
const TSCONFIG = `{
  "compilerOptions": {
    "target": "ES2017",
    "module": "esnext",
    "moduleResolution": "bundler",
    "isolatedModules": true,
    "paths": { "@/*": ["./src/*"] } // and a comment
  },
}`;

async function setUp(settings: object, tsconfig = TSCONFIG): Promise<void> {
  await write('package.json', JSON.stringify({ devDependencies: { '@mikro-orm/cli': '7.2.1' }, ...settings }));
  await write('tsconfig.json', tsconfig);
}

async function useAll(): Promise<void> {
  const config = ['--config', 'src/mikro-orm.config.ts'];
  expect(await runCli(app, 'migrate', '--check', ...config)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'Pending: Migration1\n',
  });
  expect(await runCli(app, 'migrate', ...config)).toMatchObject({ code: 0, stderr: '' });
  expect(await runCli(app, 'status', '--json', ...config)).toMatchObject({ code: 0, stderr: '' });
  const doctor = await runCli(app, 'doctor', '--json', ...config);
  expect(doctor).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(doctor.stdout)).toMatchObject({ findings: [] });
}

describe('a config in TypeScript, with imports as a bundler reads them', () => {
  test.each(['commonjs', 'module', undefined])('in a package of type %s', async type => {
    await setUp({ type });
    await useAll();
  });

  test('the config is found without --config', async () => {
    await setUp({});
    expect(await runCli(app, 'migrate', '--check')).toMatchObject({ code: 1, stderr: 'Pending: Migration1\n' });
  });

  test('without typescript, whose work Node.js does', async () => {
    await setUp({});
    await write('node_modules/typescript/package.json', '{ "name": "typescript", "exports": "./index.js" }');
    await write('node_modules/typescript/index.js', 'exports.version = "7.0.0";');
    await useAll();
  });

  test('what only typescript can make JavaScript of: decorators, enums, parameter properties', async () => {
    await setUp(
      {},
      TSCONFIG.replace('"module"', '"experimentalDecorators": true, "emitDecoratorMetadata": true, "module"'),
    );
    await write(
      'src/entities/note.ts',
      `import 'reflect-metadata';
import { Entity, Enum, PrimaryKey } from '@mikro-orm/decorators/legacy';
enum Kind { Short = 'short' }
@Entity()
export class Note {
  @PrimaryKey({ type: 'integer' })
  id!: number;
  @Enum({ items: () => Kind, persist: false })
  kind?: Kind;
  constructor(protected readonly by?: Kind) {}
}
`,
    );
    await useAll();
  });

  test('options and paths that another file has: of a package, and through references', async () => {
    await write('node_modules/@tsconfig/app/package.json', '{ "name": "@tsconfig/app" }');
    await write('node_modules/@tsconfig/app/tsconfig.json', TSCONFIG.replace('"./src/*"', '"../../../src/*"'));
    await setUp({}, '{ "extends": "@tsconfig/app/tsconfig.json" }');
    expect(await runCli(app, 'migrate', '--check')).toMatchObject({ code: 1, stderr: 'Pending: Migration1\n' });
    await write('.nuxt/tsconfig.app.json', TSCONFIG.replace('"./src/*"', '"../src/*"'));
    await setUp({}, '{ "files": [], "references": [{ "path": "./.nuxt/tsconfig.app.json" }] }');
    expect(await runCli(app, 'migrate', '--check')).toMatchObject({ code: 1, stderr: 'Pending: Migration1\n' });
  });
});
