import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Migration } from '@mikro-orm/migrations';
import { PgliteDriver } from '@mikro-orm/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations, type OrmSingleton } from '../../src/index.js';
import { createTestDatabase, openSandbox } from '../../src/testing/index.js';
import { User } from './support/user.js';

/** PGlite takes seconds to start, on a busy machine many. */
const SLOW = { timeout: 180_000 };

let runs = 0;
class First extends Migration {
  override up(): void {
    runs++;
    this.addSql('create table users (id serial primary key, email varchar(100) not null)');
  }
}
class Second extends Migration {
  override up(): void {
    this.addSql('alter table users add column age int');
  }
}

const seed = async (em: { insert(type: typeof User, data: object): Promise<unknown> }): Promise<void> => {
  await em.insert(User, { email: 'seeded' });
};

let parent: string;
let folder: string;
const open: OrmSingleton[] = [];
const singleton = (migrations: Record<string, unknown> = { First }): OrmSingleton => {
  const orm = createOrmSingleton(
    {
      driver: PgliteDriver,
      dbName: folder,
      entities: [User],
      ...explicitMigrations(migrations, { silent: true, snapshot: false }),
    } as never,
    { name: `folder ${Math.random()}` },
  ) as unknown as OrmSingleton;
  open.push(orm);
  return orm;
};
const emails = async (orm: OrmSingleton): Promise<string[]> =>
  (await (await orm()).em.fork().find(User, {}, { orderBy: { id: 1 } })).map(user => user.email);
const insert = async (orm: OrmSingleton, email: string) => (await orm()).em.fork().insert(User, { email });
const templates = async () => (await readdir(parent)).filter(name => name.startsWith('app_template_'));

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'mikro-orm-web-pglite-'));
  folder = join(parent, 'app');
});
afterAll(async () => {
  await Promise.all(open.map(orm => orm.close()));
  await rm(parent, { recursive: true, force: true });
});

test('workers have copies of one template, which are folders beside the database', SLOW, async () => {
  const [a, b] = [singleton(), singleton()];
  const first = await createTestDatabase(a, { worker: 1, seed: seed as never });
  const second = await createTestDatabase(b, { worker: 2, seed: seed as never });
  expect([first.name, second.name]).toEqual([`${folder}_test_1`, `${folder}_test_2`]);
  expect(runs).toBe(1);
  await insert(a, 'only a');
  expect(await emails(a)).toEqual(['seeded', 'only a']);
  expect(await emails(b)).toEqual(['seeded']);
  expect(await (await b()).migrator.getPending()).toEqual([]);

  const sandbox = await openSandbox(b);
  expect(await insert(b, 'undone')).toBe(2);
  await sandbox.rollback();
  expect(await emails(b)).toEqual(['seeded']);
  expect(await insert(b, 'kept')).toBe(2);

  await first.drop();
  await second.drop();
  expect(await readdir(parent)).toEqual(await templates());
  expect(existsSync(folder)).toBe(false);
});

test('the template serves the next run; one of other migrations replaces it', SLOW, async () => {
  const before = await templates();
  expect(before).toHaveLength(1);
  const same = await createTestDatabase(singleton(), { worker: 3, seed: seed as never });
  expect(runs).toBe(1);
  expect(await templates()).toEqual(before);
  await same.drop();
  const other = await createTestDatabase(singleton({ First, Second }), { worker: 3, seed: seed as never });
  expect(runs).toBe(2);
  expect(await templates()).toHaveLength(1);
  expect(await templates()).not.toEqual(before);
  await other.drop();
});

test('two at once', SLOW, async () => {
  const orms = [singleton(), singleton(), singleton()];
  const made = await Promise.all(orms.map(orm => createTestDatabase(orm, { worker: 'same' })));
  expect(new Set(made.map(({ name }) => name)).size).toBe(3);
  await Promise.all(orms.map((orm, i) => insert(orm, `user ${i}`)));
  for (const [i, orm] of orms.entries()) {
    expect(await emails(orm)).toEqual([`user ${i}`]);
    await made[i]!.drop();
  }
});

test('a folder that it did not make is refused', SLOW, async () => {
  const foreign = `${folder}_test_theirs`;
  await mkdir(foreign);
  await writeFile(join(foreign, 'PG_VERSION'), '17');
  await expect(createTestDatabase(singleton(), { worker: 'theirs' })).rejects.toMatchObject({ code: 'ORM_CONFIG' });
  expect(await readdir(foreign)).toEqual(['PG_VERSION']);
});
