import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as edge from '../src/edge/index.js';
import * as library from '../src/index.js';

test('the public surface', () => {
  expect(Object.keys(library).sort()).toEqual([
    'ExplicitNameError',
    'MigrationLockError',
    'OrmClosedError',
    'OrmConfigError',
    'OrmWebError',
    'PoolTimeoutError',
    'QueryTimeoutError',
    'TransactionRetryError',
    'channels',
    'createOrmSingleton',
    'explicitEntities',
    'explicitMigrations',
    'forkPerRequest',
    'mapOrmError',
    'openEm',
    'retryTransaction',
    'toProblemResponse',
    'withRequestContext',
  ]);
});

test('edge runtimes get the same names, and a clear error from each', () => {
  expect(Object.keys(edge).sort()).toEqual(Object.keys(library).sort());
  expect(edge.channels).toEqual(library.channels);
  for (const [name, value] of Object.entries(edge)) {
    if (!name.endsWith('Error') && name !== 'channels') {
      expect(value, name).toThrow(/needs Node\.js.*edge runtime.*remove/s);
    }
  }
});

const run = promisify(execFile);
const script = (code: string): string[] => ['--input-type=module', '--eval', code];

test.each(['edge-light', 'workerd'])('the condition %s leads to them', async condition => {
  const code = `const lib = await import('mikro-orm-web'); try { lib.createOrmSingleton({}) } catch (e) { console.log(e.code) }`;
  const { stdout } = await run(process.execPath, [`--conditions=${condition}`, ...script(code)]);
  expect(stdout.trim()).toBe('ORM_CONFIG');
});

test('importing the package touches neither the file system module nor a driver', async () => {
  const code = `await import('mikro-orm-web'); console.log(process.moduleLoadList.filter(m => /better_sqlite|fs\\/promises$/.test(m)).join())`;
  const { stdout } = await run(process.execPath, script(code));
  expect(
    stdout
      .trim()
      .split(',')
      .filter(name => name.includes('sqlite')),
  ).toEqual([]);
});
