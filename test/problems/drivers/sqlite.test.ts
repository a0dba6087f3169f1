import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockMode, MikroORM } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { SqliteDriver, type EntityManager } from '@mikro-orm/sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mapOrmError, type MapOrmErrorOptions } from '../../../src/problems/map-orm-error.js';
import type { OrmProblem } from '../../../src/problems/problem-codes.js';
import { all, Dog, Membership, Org, User } from '../fixtures/entities.js';

const folder = mkdtempSync(join(tmpdir(), 'errors-'));
const options = { driver: SqliteDriver, entities: all, ensureDatabase: false };
const orm = new MikroORM({ ...options, dbName: join(folder, 'app.db') });
let em: EntityManager;

beforeAll(() => orm.schema.create());
beforeEach(async () => {
  await orm.schema.clear();
  em = orm.em.fork() as EntityManager;
  await em.insert(Org, { id: 1, displayName: 'one' });
  await em.insert(User, { ...user(1), firstName: 'Ada', lastName: 'L', nickName: 'ada', legacyOrg: 1 });
});
afterAll(async () => {
  await orm.close();
  rmSync(folder, { recursive: true });
});

const user = (id: number) => ({
  id,
  version: 1,
  emailAddress: `${id}@a.example`,
  loginName: `l${id}`,
  requiredText: 'r',
});

async function problemOf(work: () => Promise<unknown>, more: MapOrmErrorOptions = {}): Promise<OrmProblem | undefined> {
  const error: unknown = await work().then(
    () => expect.fail('did not throw'),
    (thrown: unknown) => thrown,
  );
  return mapOrmError(error, { orm, ...more });
}

describe('constraints', () => {
  test('unique, by a flush, by a query builder and by raw SQL', async () => {
    const taken = {
      status: 409,
      code: 'unique-violation',
      type: 'urn:mikro-orm-web:problem:unique-violation',
      title: 'Already exists',
      entity: 'Org',
      properties: ['displayName'],
      errors: [{ path: 'displayName', message: 'is already taken' }],
      retryable: false,
    };
    em.create(Org, { id: 2, displayName: 'one' });
    expect(await problemOf(() => em.flush())).toEqual(taken);
    const insert = "insert into orgs (id, display_name) values (3, 'one')";
    expect(await problemOf(() => em.qb(Org).insert({ id: 3, displayName: 'one' }).execute())).toEqual(taken);
    expect(await problemOf(() => em.getConnection().execute(insert))).toEqual(taken);
  });

  test('composite unique names every property, and that it is the combination', async () => {
    const insert = () => em.insert(User, { ...user(2), firstName: 'Ada', lastName: 'L' });
    expect(await problemOf(insert)).toMatchObject({
      entity: 'User',
      properties: ['firstName', 'lastName'],
      errors: [
        { path: 'firstName', message: 'is already taken in this combination' },
        { path: 'lastName', message: 'is already taken in this combination' },
      ],
    });
  });

  test('primary key, single and composite', async () => {
    expect(await problemOf(() => em.insert(Org, { id: 1, displayName: 'x' }))).toMatchObject({
      code: 'unique-violation',
      entity: 'Org',
      properties: ['id'],
    });
    await em.insert(Membership, { member: 1, group: 1 });
    expect(await problemOf(() => em.insert(Membership, { member: 1, group: 1 }))).toMatchObject({
      entity: 'Membership',
      properties: ['member', 'group'],
    });
  });

  test('a child of a single table owns what it declares', async () => {
    await em.insert(Dog, { id: 1, kind: 'dog', chipNo: 'c1', licenceNo: 'n1' });
    const again = (chipNo: string, licenceNo: string) => () =>
      em.insert(Dog, { id: 2, kind: 'dog', chipNo, licenceNo });
    expect(await problemOf(again('c2', 'n1'))).toMatchObject({ entity: 'Dog', properties: ['licenceNo'] });
    expect(await problemOf(again('c1', 'n2'))).toMatchObject({ entity: 'Animal', properties: ['chipNo'] });
  });

  test('foreign keys, from both ends: SQLite does not say which', async () => {
    const broken = { code: 'reference-violation', status: 409, retryable: false };
    for (const work of [() => em.insert(User, { ...user(2), org: 99 }), () => em.nativeDelete(Org, 1)]) {
      const problem = await problemOf(work);
      expect(problem).toMatchObject(broken);
      expect(problem).not.toHaveProperty('properties');
      expect(problem).not.toHaveProperty('errors');
    }
  });

  test('not null and check', async () => {
    expect(await problemOf(() => em.nativeUpdate(User, 1, { loginName: null as never }))).toMatchObject({
      code: 'required',
      status: 422,
      entity: 'User',
      errors: [{ path: 'loginName', message: 'must be set' }],
    });
    expect(await problemOf(() => em.nativeUpdate(User, 1, { age: -1 }))).toMatchObject({
      code: 'check-violation',
      status: 422,
      entity: 'User',
      errors: [{ path: 'age', message: 'is not allowed' }],
    });
    expect(await problemOf(() => em.nativeUpdate(User, 1, { startNo: 2, endNo: 1 }))).toMatchObject({
      properties: ['startNo', 'endNo'],
    });
  });
});

describe('the file', () => {
  test('locked by somebody else', async () => {
    const other = new MikroORM({ ...options, dbName: join(folder, 'app.db'), driverOptions: { timeout: 1 } });
    const fork = other.em.fork() as EntityManager;
    await em.getConnection().execute('begin immediate');
    const problem = await problemOf(() => fork.insert(Org, { id: 5, displayName: 'five' }));
    expect(problem).toMatchObject({ code: 'lock-timeout', status: 503, retryable: true, retryAfter: 1 });
    await em.getConnection().execute('rollback');
    await other.close();
  });

  test('read-only', async () => {
    await em.getConnection().execute('pragma query_only = 1');
    const problem = await problemOf(() => em.insert(Org, { id: 5, displayName: 'five' }));
    expect(problem).toMatchObject({ code: 'database-read-only', status: 503, retryable: false, retryAfter: 30 });
    await em.getConnection().execute('pragma query_only = 0');
  });

  test('full', async () => {
    await em.getConnection().execute('pragma max_page_count = 1');
    const problem = await problemOf(() => em.insert(Org, { id: 5, displayName: 'x'.repeat(1_000_000) }));
    expect(problem).toMatchObject({ code: 'storage-full', status: 507, retryable: false });
    await em.getConnection().execute('pragma max_page_count = 1073741823');
  });

  test('not there', async () => {
    const missing = new MikroORM({ ...options, dbName: join(folder, 'none', 'app.db') });
    const problem = await problemOf(() => missing.em.fork().findOne(Org, 1));
    expect(problem).toMatchObject({ code: 'database-unavailable', status: 503 });
    expect(problem?.retryAfter).toBe(undefined);
  });

  test('an unknown table is a bug', async () => {
    const problem = await problemOf(() => em.getConnection().execute('select * from nope'));
    expect(problem).toMatchObject({ code: 'internal-error', status: 500, title: 'Internal error' });
  });
});

describe("MikroORM's own errors", () => {
  test('not found', async () => {
    const problem = await problemOf(() => em.findOneOrFail(User, { emailAddress: 'secret@a.example' }));
    expect(problem).toMatchObject({ code: 'not-found', status: 404, entity: 'User' });
    expect(JSON.stringify(problem)).not.toContain('secret');
    expect(await problemOf(() => em.getReference(User, 99, { wrapped: true }).loadOrFail())).toMatchObject({
      code: 'not-found',
    });
  });

  test('optimistic lock, and one that cannot be', async () => {
    const mine = await em.findOneOrFail(User, 1);
    await orm.em.fork().nativeUpdate(User, 1, { version: 7 });
    mine.requiredText = 'changed';
    expect(await problemOf(() => em.flush())).toMatchObject({ code: 'version-conflict', status: 409, entity: 'User' });
    const lock = () => em.fork().findOne(User, 1, { lockMode: LockMode.OPTIMISTIC, lockVersion: 1 });
    expect(await problemOf(lock)).toMatchObject({ code: 'version-conflict', entity: 'User', retryable: false });
    const unversioned = () => em.fork().findOne(Org, 1, { lockMode: LockMode.OPTIMISTIC, lockVersion: 1 });
    expect(await problemOf(unversioned)).toMatchObject({ code: 'internal-error' });
  });

  test('a malformed cursor is the client’s, a missing order is ours', async () => {
    const find = (after: string) => () => em.findByCursor(User, { first: 1, after, orderBy: { id: 'asc' } });
    expect(await problemOf(find('garbage'))).toMatchObject({ code: 'invalid-cursor', status: 400 });
    const unordered = () => em.findByCursor(User, { first: 1 } as never);
    expect(await problemOf(unordered)).toMatchObject({ code: 'internal-error' });
  });

  test('a required property that was not given', async () => {
    em.create(User, { emailAddress: 'secret@a.example', loginName: 'p' } as never);
    const problem = await problemOf(() => em.flush());
    expect(problem).toMatchObject({
      code: 'required',
      entity: 'User',
      properties: ['requiredText'],
      errors: [{ path: 'requiredText', message: 'must be set' }],
    });
    expect(JSON.stringify(problem)).not.toContain('secret');
  });

  test('a value that an enum does not have', async () => {
    em.create(User, { ...user(3), status: 'bogus' as never });
    expect(await problemOf(() => em.flush())).toMatchObject({ code: 'check-violation', properties: ['status'] });
  });

  test('assign without a required value', async () => {
    const mine = await em.findOneOrFail(User, 1);
    const assign = async () => em.assign(mine, { requiredText: null } as never);
    expect(await problemOf(assign)).toMatchObject({ code: 'required', properties: ['requiredText'] });
  });

  test('an abort is cancelled with the signal, and never undefined for an error of the ORM', async () => {
    const signal = AbortSignal.abort();
    const find = () => orm.em.fork({ signal }).find(User, {});
    expect(await problemOf(find, { signal })).toMatchObject({ code: 'request-cancelled', status: 499 });
    expect(await problemOf(find)).toMatchObject({ code: 'request-cancelled' });
  });
});

describe('a server that is not there', () => {
  const far = new MikroORM({ driver: PostgreSqlDriver, clientUrl: 'postgres://u@127.0.0.1:1/app', entities: all });
  const down = { code: 'database-unavailable', status: 503, retryable: false, retryAfter: 5 };

  test('converted or not, with the ORM or without', async () => {
    const attempts = [
      () => far.em.fork().findOne(Org, 1),
      () => far.em.fork().begin(),
      () => far.em.fork().transactional(async () => undefined),
    ];
    for (const work of attempts) {
      expect(await problemOf(work, { orm: far })).toMatchObject(down);
      expect(await problemOf(work, { orm: undefined })).toMatchObject(down);
    }
  });

  test("an application's own fetch is not the database", async () => {
    const call = () => fetch('http://127.0.0.1:2/');
    const cause = () => call().catch((error: Error) => Promise.reject(error.cause));
    for (const own of [far, orm, undefined]) {
      expect(await problemOf(call, { orm: own })).toBe(undefined);
      expect(await problemOf(cause, { orm: own })).toBe(undefined);
    }
  });
});
