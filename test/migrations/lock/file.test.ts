import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileLock } from '../../../src/migrations/lock/file.js';
import { createOrmSingleton, explicitMigrations } from '../../../src/index.js';
import { Migration } from '@mikro-orm/migrations';
import { SqliteDriver } from '@mikro-orm/sqlite';
import type { Contest } from './contender.js';

let folder: string;
let file: string;
let children: ChildProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  file = join(folder, 'app.db');
  children = [];
});
afterEach(async () => {
  children.forEach(child => child.kill('SIGKILL'));
  await rm(folder, { recursive: true, force: true });
});

const LOCK = '.app.db-migration-lock';

async function start(): Promise<ChildProcess> {
  const child = fork(resolve(import.meta.dirname, 'contender.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

async function contend(child: ChildProcess, contest: Omit<Contest, 'file'>): Promise<string> {
  const answer = once(child, 'message');
  child.send({ file, ...contest } satisfies Contest);
  return (await answer)[0] as string;
}

test('eight processes take turns a hundred times each, and leave no file', async () => {
  const contenders = await Promise.all(Array.from({ length: 8 }, start));
  const answers = await Promise.all(contenders.map(child => contend(child, { rounds: 100 })));
  expect(answers).toEqual(Array.from({ length: 8 }, () => 'done'));
  expect(await readdir(folder)).toEqual([]);
}, 120_000);

test('a process that waits on a file that was removed meanwhile does not hold the lock', async () => {
  const first = openFileLock(file);
  expect(await first.tryAcquire()).toBe(true);
  expect(await readdir(folder)).toEqual([LOCK]);
  const waiting = openFileLock(file);
  expect(await waiting.tryAcquire()).toBe(false);
  await first.close();
  const next = openFileLock(file);
  expect(await next.tryAcquire()).toBe(true);
  expect(await waiting.tryAcquire(), 'the file that it had open is free, but not the lock').toBe(false);
  await next.close();
  expect(await waiting.tryAcquire()).toBe(true);
  await waiting.close();
  expect(await readdir(folder)).toEqual([]);
});

test('a process that gives up leaves the file to the holder', async () => {
  const holder = openFileLock(file);
  await holder.tryAcquire();
  const waiting = openFileLock(file);
  await waiting.tryAcquire();
  await waiting.close();
  expect(await readdir(folder)).toEqual([LOCK]);
  await holder.close();
  expect(await readdir(folder)).toEqual([]);
  await openFileLock(file).close();
  expect(await readdir(folder)).toEqual([]);
});

test('a holder that is killed frees the lock, and the next one removes its file', async () => {
  const child = await start();
  expect(await contend(child, { rounds: 1, keep: true })).toBe('holds it');
  const next = openFileLock(file);
  expect(await next.tryAcquire()).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await next.tryAcquire()).toBe(true);
  await next.close();
  expect(await readdir(folder)).toEqual([]);
});

// file permissions do not bind root, so another user takes the lock
test.skipIf(process.getuid?.() !== 0)('a file that this user cannot write is refused at once', async () => {
  await chmod(folder, 0o777);
  await writeFile(file, '', { mode: 0o644 });
  await writeFile(join(folder, LOCK), '', { mode: 0o644 });
  const answer = await contend(await start(), { rounds: 1, uid: 65_534 });
  expect(answer).toMatch(/^OrmConfigError: .*\.app\.db-migration-lock/);
});

test.skipIf(process.getuid?.() !== 0)('users that share a database by its permissions share its lock', async () => {
  await chmod(folder, 0o777);
  await writeFile(file, '');
  await chmod(file, 0o666);
  const holder = await start();
  expect(await contend(holder, { rounds: 1, keep: true })).toBe('holds it');
  holder.kill('SIGKILL'); // and leaves the file behind
  await once(holder, 'exit');
  expect(await readdir(folder)).toContain(LOCK);
  expect(await contend(await start(), { rounds: 3, uid: 65_534 })).toBe('done');
});

test('after a run nothing lies beside the database', async () => {
  class Migration1 extends Migration {
    override up(): void {
      this.addSql('create table note (id integer primary key)');
    }
  }
  const orm = createOrmSingleton(
    {
      driver: SqliteDriver,
      dbName: file,
      entities: [],
      discovery: { warnWhenNoEntities: false },
      ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
    },
    { migrate: true, name: folder },
  );
  await orm();
  await orm.close();
  expect((await readdir(folder)).filter(name => name !== 'app.db')).toEqual([]);
});
