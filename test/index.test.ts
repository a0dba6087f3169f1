import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as edgeLight from '../src/conditions/edge-light.js';
import * as workerd from '../src/conditions/workerd.js';
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
    'whenSent',
    'withRequestContext',
    'writeProblem',
  ]);
});

test('an edge runtime gets the same names, and a clear error from each', () => {
  expect(Object.keys(edgeLight).sort()).toEqual(Object.keys(library).sort());
  expect(edgeLight.channels).toEqual(library.channels);
  for (const [name, value] of Object.entries(edgeLight)) {
    if (!name.endsWith('Error') && name !== 'channels') {
      expect(value, name).toThrow(/needs Node\.js.*edge runtime.*remove/s);
    }
  }
});

test('workerd gets all of it but createOrmSingleton, which names what to use there', () => {
  expect(Object.keys(workerd).sort()).toEqual(Object.keys(library).sort());
  for (const [name, value] of Object.entries(workerd)) {
    if (name !== 'createOrmSingleton') {
      expect(value, name).toBe(library[name as keyof typeof library]);
    }
  }
  expect(workerd.createOrmSingleton).toThrow(/mikro-orm-web\/edge/);
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

test('what workers import leads to no module of Node.js: they would not load where one is missing', () => {
  const dist = resolve(import.meta.dirname, '../dist');
  const seen = new Set(['workerd.js', 'edge.js']);
  for (const file of seen) {
    const code = readFileSync(join(dist, file), 'utf8');
    // what is imported later is part of a worker's bundle, too
    for (const [, name] of code.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      expect(`${file} imports ${name}`).not.toMatch(/imports node:/);
      if (existsSync(join(dist, name!))) {
        seen.add(name!.replace(/^\.\//, ''));
      }
    }
  }
  expect(seen.size).toBeGreaterThan(5);
});
