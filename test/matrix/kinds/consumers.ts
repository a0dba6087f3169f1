import { copySmallApp, createApp } from '../support/app.ts';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';

async function installApp(bench: Bench, devDependencies: Record<string, string> = {}): Promise<void> {
  await createApp(bench, { devDependencies });
  await copySmallApp(bench);
  await bench.npmInstall('app');
  await bench.findVersions('app', '@mikro-orm/core', ...Object.keys(devDependencies));
}

/** CommonJS: `require` of ES modules, and `import()`. */
const REQUIRE = `const assert = require('node:assert/strict');
const { createOrmSingleton, explicitEntities } = require('mikro-orm-web');
const { defineConfig } = require('@mikro-orm/sqlite');

const required = require('./use.js');
assert.equal(typeof createOrmSingleton, 'function');
assert.equal(typeof require('mikro-orm-web/testing').openSandbox, 'function');
assert.equal(typeof require('mikro-orm-web/edge').createEdgeOrm, 'function');

void (async () => {
  const imported = await import('mikro-orm-web');
  assert.equal(imported.createOrmSingleton, createOrmSingleton);
  await required.use();
  const orm = createOrmSingleton(defineConfig({ dbName: ':memory:', entities: explicitEntities({ User: (await import('./entities.js')).User }) }), { name: 'other' });
  assert.equal((await orm()).config.get('contextName'), 'other');
  await orm.close();
  console.log('CommonJS works.');
})();
`;

/** The same test for Vitest and for Jest, with a sandbox around it. */
const testFile = (runner: string): string => `import { expect, test } from '${runner}';
import { createOrmSingleton, withRequestContext } from 'mikro-orm-web';
import { openSandbox } from 'mikro-orm-web/testing';
import config from './mikro-orm.config.js';
import { User } from './entities.js';
import { use } from './use.js';

test('the app works', async () => {
  expect(await use()).toBe(true);
});

test('a sandbox takes back what was written', async () => {
  await using orm = createOrmSingleton(config, { migrate: true });
  const count = () => withRequestContext(orm, em => em.count(User));
  const before = await count();
  const sandbox = await openSandbox(orm);
  await withRequestContext(orm, em => em.insert(User, { email: 'sandbox@example.com' }));
  expect(await count()).toBe(before + 1);
  await sandbox.rollback();
  expect(await count()).toBe(before);
});
`;

const commonjs: Cell = {
  name: 'commonjs',
  about: 'a CommonJS script requires the library, and imports it',
  async run(bench) {
    await installApp(bench);
    await bench.write('app/main.cjs', REQUIRE);
    bench.found.set('Node.js', (await bench.exec(['node', '--version'])).trim());
    await bench.exec(['node', 'main.cjs']);
  },
};

/** A test runner, and how it is called. */
const runner = (name: string, major: string, module: string, command: readonly string[]): Cell => ({
  name,
  about: `the small app and a sandbox, by ${name}@${major}`,
  async run(bench) {
    await installApp(bench, { [name]: major });
    await bench.write('app/app.test.js', testFile(module));
    // what Jest transforms by default becomes CommonJS
    await bench.write('app/jest.config.js', 'export default { transform: {} };\n');
    await bench.exec(['node', ...command]);
  },
});

/** Another runtime runs what npm installed. */
const runtime = (name: string, major: string, command: readonly string[]): Cell => ({
  name,
  about: `the small app, run by ${command.join(' ')}`,
  async run(bench) {
    await installApp(bench);
    bench.usePrograms(await bench.installTools(`${name}@${major}`));
    const [version] = (await bench.exec([name, '--version'])).match(/\d+\.\d+\.\d+/) ?? ['unknown'];
    bench.found.set(name, version);
    await bench.exec([...command, 'main.js']);
  },
});

export const consumers: readonly Cell[] = [
  commonjs,
  runner('vitest', '5', 'vitest', ['node_modules/vitest/vitest.mjs', 'run']),
  runner('jest', '30', '@jest/globals', ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand']),
  runtime('bun', '1', ['bun', 'run']),
  runtime('deno', '2', ['deno', 'run', '--allow-all']),
];
