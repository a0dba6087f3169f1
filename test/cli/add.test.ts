import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TESTED_VERSION } from '../../src/cli/frameworks.js';
import { runCli, runScript } from '../support/cli.js';

const repository = resolve(import.meta.dirname, '../..');
let app: string;
beforeEach(async ({ task }) => {
  app = join(repository, `test/.tmp/add-${process.pid}-${task.id}`);
  await mkdir(app, { recursive: true });
  await write('package.json', '{}');
});
afterEach(() => rm(app, { recursive: true, force: true }));

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(app, file)), { recursive: true });
  await writeFile(join(app, file), text);
}
const read = (file: string) => readFile(join(app, file), 'utf8');
const example = (file: string) => readFile(join(repository, 'examples', file), 'utf8');
const add = (...args: string[]) => runCli(app, 'add', ...args);
const depend = (dependencies: object) => write('package.json', JSON.stringify({ dependencies }));
const compile = (compilerOptions: object) => write('tsconfig.json', JSON.stringify({ compilerOptions }));
const wrote = (stdout: string) => [...stdout.matchAll(/^Wrote (.*)$/gm)].map(([, file]) => file);

test('the version to install is the one that the tests run with', async () => {
  const { devDependencies } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  expect(TESTED_VERSION).toBe(devDependencies['@mikro-orm/core']);
});

describe('nextjs', () => {
  const FILES = [
    'lib/entities/user.ts',
    'lib/entities/index.ts',
    'migrations/index.ts',
    'mikro-orm.config.ts',
    'lib/orm.ts',
    'instrumentation.ts',
  ];

  test('writes the published files beside app/, tells what is left to do, and can be run again', async () => {
    await write('app/page.tsx', '');
    await write('src/unrelated.ts', '');
    await compile({ module: 'esnext', moduleResolution: 'bundler' });
    const first = await add('nextjs');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(wrote(first.stdout)).toEqual(FILES);
    expect(await read('lib/orm.ts')).toBe(await example('nextjs/lib/orm.ts'));
    expect(await read('instrumentation.ts')).toBe(await example('nextjs/instrumentation.ts'));
    expect(await read('migrations/index.ts')).toBe('export {};\n');
    expect(await read('lib/entities/index.ts')).toContain("export { User } from './user';");
    const config = await read('mikro-orm.config.ts');
    expect(config).toContain("from '@mikro-orm/sqlite'");
    expect(config).toContain("from './lib/entities/index'");
    expect(config).toContain("from './migrations/index'");
    expect(config).toContain("path: './migrations'");
    for (const step of [
      `mikro-orm-web @mikro-orm/core@${TESTED_VERSION} @mikro-orm/migrations@${TESTED_VERSION} @mikro-orm/sqlite@${TESTED_VERSION}\n`,
      `@mikro-orm/cli@${TESTED_VERSION} tsx\n`,
      'migration:create --config mikro-orm.config.ts',
      'getEm() of lib/orm.ts',
      'withEm(',
      'withProblems(',
    ]) {
      expect(first.stdout).toContain(step);
    }

    await write('migrations/index.ts', 'export {}; // edited');
    const second = await add('nextjs');
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(wrote(second.stdout)).toEqual([]);
    expect(second.stdout.match(/^Is there already: /gm)).toHaveLength(5);
    expect(second.stdout).toContain('Exists, and is left alone: migrations/index.ts\n');
    expect(await read('migrations/index.ts')).toBe('export {}; // edited');
  });

  test('writes into src/ where the app is there, with .ts where tsconfig.json allows it', async () => {
    await write('src/app/page.tsx', '');
    await compile({ moduleResolution: 'bundler', allowImportingTsExtensions: true });
    expect(wrote((await add('nextjs')).stdout)).toEqual(FILES.map(file => `src/${file}`));
    expect(await read('src/lib/orm.ts')).toBe(await example('nextjs/lib/orm.ts'));
    const config = await read('src/mikro-orm.config.ts');
    expect(config).toContain("from './lib/entities/index.ts'");
    expect(config).toContain("from './migrations/index.ts'");
    expect(config).toContain("path: './src/migrations'");
  });

  test('--to says where the adapter goes, and imports follow', async () => {
    await write('src/app/page.tsx', '');
    expect(wrote((await add('nextjs', '--to', 'src/server/db/orm.ts')).stdout)).toContain('src/server/db/orm.ts');
    expect(await read('src/server/db/orm.ts')).toContain("from '../../mikro-orm.config'");
    expect(await read('src/instrumentation.ts')).toContain("import('./server/db/orm')");
    expect(existsSync(join(app, 'src/lib/orm.ts'))).toBe(false);
    for (const file of ['lib', 'lib/orm.d.ts', 'lib/orm.js']) {
      expect(await add('nextjs', '--to', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('--to') });
    }
  });

  test('a config of its own stays, and is what the adapter imports', async () => {
    await write('src/app/page.tsx', '');
    await write('mikro-orm.config.ts', 'export default {};');
    await write('src/instrumentation.ts', '// mine');
    const { code, stdout } = await add('nextjs');
    expect(code).toBe(0);
    expect(wrote(stdout)).toEqual(['src/lib/orm.ts']);
    expect(await read('src/lib/orm.ts')).toContain("from '../../mikro-orm.config'");
    expect(await read('mikro-orm.config.ts')).toBe('export default {};');
    expect(await read('src/instrumentation.ts')).toBe('// mine');
    expect(stdout).toMatch(/Exists, and is left alone: mikro-orm\.config\.ts\n/);
    expect(stdout).toMatch(/mikro-orm\.config\.ts has to list entities: explicitEntities/);
    expect(stdout).toMatch(/Compare src\/instrumentation\.ts with .*examples\/nextjs\/instrumentation\.ts/);
  });

  test('entities and migrations that are there are neither joined by a User nor forgotten', async () => {
    await write('entities/post.ts', 'export class Post {}');
    await write('migrations/Migration1.ts', 'export class Migration1 {}');
    const { stdout } = await add('nextjs');
    expect(existsSync(join(app, 'entities/user.ts'))).toBe(false);
    expect(await read('entities/index.ts')).not.toMatch(/^export \{ User/m);
    expect(stdout).toContain('Export the entities of the folder in entities/index.ts');
    expect(stdout).toContain('npx mikro-orm-web add index --path migrations');
  });

  test('a second run with another --to writes no second adapter, and says where the first is', async () => {
    await write('src/app/page.tsx', '');
    await compile({ moduleResolution: 'bundler' });
    expect((await add('nextjs', '--to', 'src/server/orm.ts')).code).toBe(0);
    expect(await add('nextjs', '--to', 'src/lib/orm.ts')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/already: src\/server\/orm\.ts\. .*nothing was written/),
    });
    expect(existsSync(join(app, 'src/lib/orm.ts'))).toBe(false);
    for (const again of [await add('nextjs'), await add('nextjs', '--to', 'src/server/orm.ts')]) {
      expect(again).toMatchObject({ code: 0, stderr: '' });
      expect(wrote(again.stdout)).toEqual([]);
      expect(again.stdout).toContain('Is there already: src/server/orm.ts\n');
    }
    expect(await read('src/instrumentation.ts')).toContain("import('./server/orm')");
  });

  test('JavaScript only: says that the files are TypeScript, and writes them', async () => {
    await write('app/page.jsx', '');
    await write('jsconfig.json', '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }');
    await depend({ '@mikro-orm/cli': '7.2.1', '@mikro-orm/sqlite': '7.2.1' });
    const { code, stdout } = await add('nextjs');
    expect(code).toBe(0);
    expect(wrote(stdout)).toEqual(FILES);
    expect(stdout).toMatch(/are TypeScript.*no tsconfig\.json: Next\.js compiles them/);
    const cli = join(repository, 'node_modules/@mikro-orm/cli/cli.js');
    const created = await runScript(cli, app, 'migration:create', '--config', 'mikro-orm.config.ts');
    expect(created, created.stderr).toMatchObject({ code: 0 });
    expect(await read('migrations/index.ts')).toMatch(/from '\.\/Migration\d+\.ts'/);
    expect(await read('mikro-orm.config.ts')).toContain("from './lib/entities/index.ts'");
    const migrated = await runCli(app, 'migrate');
    expect(migrated, migrated.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/pending were: Mig/) });
  });
});

describe('daloyjs', () => {
  test('writes into src/, imports as tsconfig.json lets it, and can be run again', async () => {
    await mkdir(join(app, 'src'));
    await compile({ module: 'nodenext', rewriteRelativeImportExtensions: true });
    await depend({ '@mikro-orm/core': '7.1.11', '@mikro-orm/pglite': '^7.1.0', 'mikro-orm-web': '1' });
    const first = await add('daloyjs');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(wrote(first.stdout)).toEqual([
      'src/entities/user.ts',
      'src/entities/index.ts',
      'src/migrations/index.ts',
      'src/mikro-orm.config.ts',
      'src/orm.ts',
    ]);
    expect(await read('src/orm.ts')).toBe(await example('daloyjs/src/orm.ts'));
    expect(await read('src/mikro-orm.config.ts')).toContain("from '@mikro-orm/pglite'");
    expect(await read('src/mikro-orm.config.ts')).toContain("from './migrations/index.ts'");
    // the version that the app has, for what it lacks or has in a range
    expect(first.stdout).toContain('--save-exact @mikro-orm/migrations@7.1.11 @mikro-orm/pglite@7.1.11\n');
    expect(first.stdout).toMatch(/ormHooks of src\/orm\.ts.*ormPlugin/s);
    const second = await add('daloyjs');
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout.match(/^Is there already: /gm)).toHaveLength(5);
  });

  test('an app without src/ whose tsconfig.json wants .js', async () => {
    await compile({ module: 'nodenext' });
    await depend({ '@mikro-orm/mariadb': '7.2.1' });
    await add('daloyjs', '--to', 'db/orm.ts');
    expect(await read('db/orm.ts')).toContain("from '../mikro-orm.config.js'");
    const config = await read('mikro-orm.config.ts');
    expect(config).toContain("from '@mikro-orm/mariadb'");
    expect(config).toContain("from './entities/index.js'");
    expect(await read('entities/index.ts')).toContain("from './user.js'");
  });

  test('an app that has orm.ts keeps it', async () => {
    await write('src/orm.ts', '// mine');
    const { code, stdout } = await add('daloyjs');
    expect(code).toBe(0);
    expect(stdout).toContain('Exists, and is left alone: src/orm.ts\n');
    expect(stdout).toMatch(/Compare src\/orm\.ts with .*examples\/daloyjs\/src\/orm\.ts/);
    expect(await read('src/orm.ts')).toBe('// mine');
  });
});

describe('the ORM that an app has', () => {
  const singleton = (line: string) => `import { createOrmSingleton } from 'mikro-orm-web';\n${line}\n`;
  const ORM = singleton('export const orm = createOrmSingleton({});');
  const there = (stdout: string) => stdout.match(/^Exists, and is left alone: (.*)$/m)?.[1];

  test('is found where it is exported as orm, and nothing else hides it', async () => {
    await write('server/db.ts', ORM);
    await write('server/a-reports.ts', singleton('export const reports = createOrmSingleton({});'));
    await write(
      'a-comment.ts',
      singleton('// export const orm = createOrmSingleton({});\n/* export const orm = createOrmSingleton({}); */'),
    );
    await write('a-template.ts', singleton('export const code = `export const orm = createOrmSingleton({});`;'));
    await write('a-local.ts', singleton('export async function reset() {\n  const orm = createOrmSingleton({});\n}'));
    await write('a.test.ts', ORM);
    await write('__tests__/orm.ts', ORM);
    await write('test/orm.ts', ORM);
    const { code, stdout, stderr } = await add('hono');
    expect(code, stderr).toBe(0);
    expect(there(stdout)).toBe('server/db.ts');
    expect(existsSync(join(app, 'orm.ts'))).toBe(false);
  });

  test.each([
    [
      'a list of exports',
      "const url = 'http://a.example'; const db = createOrmSingleton({ url });\nexport { db as orm };",
    ],
    ['a type', 'export const orm: OrmSingleton<MikroORM> = createOrmSingleton({});'],
    ['type arguments', 'export const orm = createOrmSingleton<SqliteDriver, SqlEntityManager, []>({});'],
    ['another name', 'export const db = createOrmSingleton({});'],
    ['the default export', 'const db = createOrmSingleton({});\nexport default db;'],
    ['no name', 'export default createOrmSingleton({});'],
  ])('is found by %s', async (_, line) => {
    await write('server/db.ts', singleton(line));
    expect(there((await add('hono')).stdout)).toBe('server/db.ts');
  });

  test('is the one in the usual place, whatever else there is', async () => {
    await write('orm.ts', singleton('export const db = createOrmSingleton({});'));
    await write('server/db.ts', ORM);
    expect(there((await add('hono')).stdout)).toBe('orm.ts');
  });

  test('is asked for where several files could be it, and --to tells', async () => {
    await write('server/a.ts', ORM);
    await write('server/b.ts', ORM);
    expect(await add('hono')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /Several files .*: server\/a\.ts, server\/b\.ts\. Nothing was written.* --to server\/a\.ts/,
      ),
    });
    expect(existsSync(join(app, 'orm.ts'))).toBe(false);
    expect(await add('hono', '--to', 'orm.ts')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/already: server\/a\.ts, server\/b\.ts\./),
    });
    const { code, stdout } = await add('hono', '--to', 'server/b.ts');
    expect(code).toBe(0);
    expect(there(stdout)).toBe('server/b.ts');
  });
});

describe('what it writes', () => {
  const run = (script: string, ...args: string[]) => runScript(join(repository, 'node_modules', script), app, ...args);

  test('works: migration:create with plain Node.js, then a request through the hooks of DaloyJS', async () => {
    const settings = { type: 'module', devDependencies: { '@mikro-orm/cli': '7.2.1' } };
    // as where no loader is installed
    await write('package.json', JSON.stringify({ ...settings, 'mikro-orm': { tsLoader: 'none' } }));
    await compile({ module: 'nodenext', rewriteRelativeImportExtensions: true });
    await mkdir(join(app, 'src'));
    await add('daloyjs');
    const created = await run('@mikro-orm/cli/cli.js', 'migration:create', '--config', 'src/mikro-orm.config.ts');
    expect(created, created.stderr).toMatchObject({ code: 0 });
    expect(await read('src/migrations/index.ts')).toMatch(/from '\.\/Migration\d+\.ts'/);
    await write(
      'src/request.ts',
      `import { User } from './entities/index.ts';
import { orm, ormHooks } from './orm.ts';
const request: any = { routePath: '/users', state: {} };
await ormHooks.beforeHandle!(request);
request.state.em.create(User, { email: 'ann@example.com', name: 'Ann' });
await request.state.em.flush();
console.log(await request.state.em.count(User));
await ormHooks.onSend!(new Response(), request);
await orm.close();
`,
    );
    const answer = await runScript(join(app, 'src/request.ts'), app);
    expect(answer, answer.stderr).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1$/m) });
  });

  test('has the right types on each driver, in a strict app', async () => {
    await compile({
      target: 'es2023',
      lib: ['es2023', 'dom', 'dom.iterable'],
      module: 'preserve',
      types: ['node'],
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      erasableSyntaxOnly: true,
      skipLibCheck: true,
      noEmit: true,
      allowImportingTsExtensions: true, // the double has them
      paths: { '@daloyjs/core': ['../../daloyjs/double/index.ts'] },
    });
    for (const driver of ['sqlite', 'libsql', 'pglite', 'postgresql', 'mariadb', 'mysql']) {
      const dependencies = { [`@mikro-orm/${driver}`]: '7.2.1' };
      await write(`${driver}/package.json`, JSON.stringify({ dependencies }));
      expect((await runCli(join(app, driver), 'add', 'nextjs')).code).toBe(0);
      expect(await read(`${driver}/mikro-orm.config.ts`)).toContain(`@mikro-orm/${driver}`);
    }
    await add('daloyjs');
    expect(await run('typescript/bin/tsc')).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

test('refuses what it does not know, and a folder that is no app', async () => {
  for (const args of [['remix'], [], ['constructor']]) {
    expect(await add(...args)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/daloyjs, .*nextjs/),
    });
  }
  expect(await add('nextjs', 'daloyjs')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Usage/) });
  await rm(join(app, 'package.json'));
  expect(await add('nextjs')).toMatchObject({ code: 1, stderr: expect.stringMatching(/no package\.json/) });
});
