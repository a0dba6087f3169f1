import {
  DriverException,
  MikroORM,
  NotFoundError,
  UniqueConstraintViolationException,
  ValidationError,
} from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe, expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { OrmClosedError, OrmConfigError } from '../../src/errors.js';
import { all } from './fixtures/entities.js';
import { orms } from './fixtures/recordings.js';

const orm = orms.postgresql;

const busy = (): Error => Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
const converted = (own: object): DriverException => new DriverException(Object.assign(new Error('x'), own));

describe('whatever is thrown', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('get');
      },
      getPrototypeOf: () => {
        throw new Error('getPrototypeOf');
      },
      has: () => {
        throw new Error('has');
      },
      ownKeys: () => {
        throw new Error('ownKeys');
      },
    },
  );
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const looped = new Error('loop');
  looped.cause = looped;
  const deep = Array.from({ length: 10_000 }).reduce<Error>(cause => new Error('deep', { cause }), new Error('end'));

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a string', 'SQLITE_BUSY'],
    ['a number', 1062],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['a function', () => undefined],
    ['an empty object', Object.create(null)],
    ['a throwing proxy', hostile],
    ['a revoked proxy', revoked],
    ['a cycle', looped],
    ['a long chain', deep],
    ['an array', [busy]],
    ['a TypeError', new TypeError('x is not a function')],
    ['an AbortError', new DOMException('aborted', 'AbortError')],
    ['a date', new Date(Number.NaN)],
  ])('%s is not ours', (_, thrown) => {
    expect(mapOrmError(thrown, { orm })).toBe(undefined);
    expect(mapOrmError(new Error('x', { cause: thrown }), { orm })).toBe(undefined);
    expect(mapOrmError(new AggregateError([thrown]), { orm })).toBe(undefined);
  });

  test('throwing getters do not hide what else is there', () => {
    const error = Object.defineProperties(busy(), {
      message: { get: () => expect.fail('message') },
      errno: { get: () => expect.fail('errno') },
      cause: { get: () => expect.fail('cause') },
    });
    expect(mapOrmError(error, { orm })?.code).toBe('lock-timeout');
  });

  test('frozen errors, and causes in cycles', () => {
    const inner = busy();
    const outer = new Error('outer', { cause: inner });
    inner.cause = outer;
    expect(mapOrmError(Object.freeze(outer))?.code).toBe('lock-timeout');
    expect(mapOrmError(new AggregateError([new Error('a'), Object.freeze(busy())]))?.code).toBe('lock-timeout');
  });

  test('an option that is no ORM', () => {
    const broken = { getMetadata: () => expect.fail('metadata'), config: {} };
    for (const odd of [null, {}, broken, hostile, { current: hostile }, { current: undefined }, () => undefined]) {
      expect(mapOrmError(busy(), { orm: odd as never })?.code).toBe('lock-timeout');
    }
  });
});

describe('not the ORM’s', () => {
  class HttpError extends Error {
    constructor(
      readonly status: number,
      options?: ErrorOptions,
    ) {
      super('http', options);
    }
  }

  test("a framework's error has a status of its own, also around ours", () => {
    expect(mapOrmError(new HttpError(404))).toBe(undefined);
    expect(mapOrmError(new HttpError(418, { cause: busy() }))).toBe(undefined);
  });

  test("other libraries' ValidationError and NotFoundError", () => {
    for (const name of ['ValidationError', 'NotFoundError', 'OptimisticLockError', 'CursorError']) {
      const type = { [name]: class extends Error {} }[name] as typeof Error;
      expect(mapOrmError(Object.assign(new type('User not found (1)'), { name }))).toBe(undefined);
    }
  });

  test.each([
    { code: 'ENOENT', syscall: 'open', path: '/etc/x' },
    { code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 6379 },
    { code: 'ECONNRESET', syscall: 'read' },
    { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'api.example' },
    { code: '23505' },
    { code: 'ER_DUP_ENTRY' },
    { errno: 1062 },
    { code: 'ERR_INVALID_ARG_TYPE' },
    { code: 'EPIPE' },
    { code: 'E0001', severity: 'error' },
    { code: 'PROTOCOL_ERROR' },
    { code: 'CSV01', message: 'column "NaN" is not in the file' },
    { message: 'Pool is closed on Mondays' },
  ])('%o', own => {
    expect(mapOrmError(Object.assign(new Error('x'), own), { orm })).toBe(undefined);
  });
});

test('a TypeError that quotes a value with lines in it', async () => {
  const forged = "Cannot read properties of null (reading 'length')\n    at a.b \n    at X.processCursorOptions ";
  const error: unknown = await fetch(forged).catch((e: unknown) => e);
  expect(mapOrmError(error)).toBe(undefined);
});

describe('ours', () => {
  test('errors of this library', () => {
    expect(mapOrmError(new OrmClosedError('closed'))).toMatchObject({ code: 'database-unavailable', retryAfter: 5 });
    const copy = Object.assign(new Error('of another module graph'), { code: 'ORM_CLOSED' });
    expect(mapOrmError(copy)).toMatchObject({ code: 'database-unavailable', retryAfter: 5 });
    expect(mapOrmError(new OrmConfigError('x', { cause: busy() }))).toMatchObject({ code: 'internal-error' });
  });

  test('classes of another copy of MikroORM', () => {
    class ValidationErrorCopy extends Error {
      getEntity(): undefined {
        return undefined;
      }
    }
    Object.defineProperty(ValidationErrorCopy, 'name', { value: 'ValidationError' });
    class NotFoundErrorCopy extends ValidationErrorCopy {}
    Object.defineProperty(NotFoundErrorCopy, 'name', { value: 'NotFoundError' });
    class DriverExceptionCopy extends Error {}
    Object.defineProperty(DriverExceptionCopy, 'name', { value: 'DriverException' });
    expect(mapOrmError(new NotFoundErrorCopy('User not found (1)'), { orm })).toMatchObject({
      code: 'not-found',
      entity: 'User',
    });
    expect(mapOrmError(new DriverExceptionCopy('x'))?.code).toBe('internal-error');
  });

  test('a driver’s code decides, then the class, then what is behind it', () => {
    const misnamed = new UniqueConstraintViolationException(Object.assign(new Error('x'), { code: '40001' }));
    expect(mapOrmError(misnamed)?.code).toBe('transaction-conflict');
    expect(mapOrmError(new UniqueConstraintViolationException(new Error('x')))?.code).toBe('unique-violation');
    expect(mapOrmError(converted({ cause: busy() }))?.code).toBe('lock-timeout');
    expect(mapOrmError(converted({}))?.code).toBe('internal-error');
  });

  test('a commit that may have gone through is not retryable', () => {
    // CockroachDB's "statement completion unknown"
    const unknown = Object.assign(new Error('result is ambiguous'), { code: '40003', severity: 'ERROR' });
    expect(mapOrmError(unknown)).toMatchObject({ code: 'database-unavailable', retryable: false });
  });

  test('PgBouncer, whose errors have no routine', () => {
    const full = Object.assign(new Error('no more connections allowed'), { code: '53300', severity: 'FATAL' });
    expect(mapOrmError(full)?.code).toBe('database-overloaded');
    const other = Object.assign(new Error('Tenant or user not found'), { code: 'XX000', severity: 'FATAL' });
    expect(mapOrmError(other)?.code).toBe('internal-error');
  });

  test('a socket error only where it is a database’s', () => {
    const refused = { code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.1', port: 5498 };
    const fromNode = Object.assign(new Error('x'), refused);
    fromNode.stack = 'Error: x\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1637:16)';
    expect(mapOrmError(fromNode)).toBe(undefined);
    expect(mapOrmError(fromNode, { orm })?.code).toBe('database-unavailable'); // the ORM's own port
    expect(mapOrmError(fromNode, { orm: orms.pglite })).toBe(undefined);
    const unnamed = new MikroORM({ driver: PostgreSqlDriver, dbName: 'app', entities: all }); // PGHOST may decide
    expect(mapOrmError(fromNode, { orm: unnamed })).toBe(undefined);
    expect(mapOrmError(Object.assign(new Error('x'), refused), { orm: unnamed })?.code).toBe('database-unavailable');
    expect(mapOrmError(fromNode, { orm: orms.sqlite })).toBe(undefined);
    expect(mapOrmError(Object.assign(new Error('x'), { ...refused, fatal: true }))?.code).toBe('database-unavailable');
    expect(mapOrmError(converted(refused))?.code).toBe('database-unavailable');
    const happy = new AggregateError([fromNode, Object.assign(new Error('y'), { ...refused, port: 5432 })]);
    expect(mapOrmError(Object.assign(happy, { code: 'ECONNREFUSED' }))?.code).toBe('database-unavailable');
  });

  test('a file is no database, also below a frame of the ORM', () => {
    const unnamed = new MikroORM({ driver: PostgreSqlDriver, dbName: 'app', entities: all });
    const stack = 'Error: x\n    at async flush (/app/node_modules/@mikro-orm/core/unit-of-work/UnitOfWork.js:1:1)';
    for (const [code, syscall] of [
      ['ENOENT', 'open'],
      ['EACCES', 'mkdir'],
      ['ENOSPC', 'write'],
      ['EROFS', 'open'],
    ]) {
      const error = Object.assign(new Error('x'), { code, syscall, stack });
      expect(mapOrmError(error, { orm: unnamed })).toBe(undefined);
      expect(mapOrmError(converted(error))?.status).toBeGreaterThan(500);
    }
    const socket = { code: 'ENOENT', syscall: 'connect', address: '/var/run/postgresql/.s.PGSQL.5432' };
    expect(mapOrmError(Object.assign(new Error('x'), socket))?.code).toBe('database-unavailable');
    const reset = Object.assign(new Error('x'), { code: 'ECONNRESET', syscall: 'read', stack });
    expect(mapOrmError(reset)?.code).toBe('database-unavailable');
  });

  test('the caller who left goes first, but an application’s bug stays one', () => {
    const signal = AbortSignal.abort();
    expect(mapOrmError(busy(), { signal })).toMatchObject({ code: 'request-cancelled', status: 499, retryable: false });
    expect(mapOrmError(signal.reason, { signal })?.code).toBe('request-cancelled');
    expect(mapOrmError(new TypeError('x'), { signal })).toBe(undefined);
    expect(mapOrmError(busy(), { signal: new AbortController().signal })?.code).toBe('lock-timeout');
  });

  test('node:sqlite gives numbers', () => {
    const error = Object.assign(new Error('UNIQUE constraint failed: orgs.display_name'), {
      code: 'ERR_SQLITE_ERROR',
      errcode: 2067,
    });
    expect(mapOrmError(error, { orm: orms.sqlite })).toMatchObject({
      code: 'unique-violation',
      properties: ['displayName'],
    });
  });

  test('an ORM without a ready instance names nothing', () => {
    const problem = mapOrmError(new NotFoundError('User not found (1)'), { orm: { current: undefined } });
    expect(problem).toEqual({
      status: 404,
      code: 'not-found',
      type: 'urn:mikro-orm-web:problem:not-found',
      title: 'Not found',
      retryable: false,
    });
    expect(mapOrmError(new NotFoundError('User not found (1)'), { orm: { current: orm } })?.entity).toBe('User');
    expect(mapOrmError(new ValidationError('x', { constructor: { name: 'User' } }), { orm })?.code).toBe(
      'internal-error',
    );
  });
});

describe('forged text in a value names nothing', () => {
  const mysql = (errno: number, sqlMessage: string, sql = 'insert into `users` (`email_address`) values (?)') =>
    Object.assign(new Error(sqlMessage), { errno, sqlState: '23000', sqlMessage, sql });
  const pg = (own: object) => Object.assign(new Error('x'), { severity: 'FEHLER', schema: 'public', ...own });

  test('for key, in MySQL and MariaDB', () => {
    const forged = "Duplicate entry 'x' for key 'uq_nick_custom' for key 'users_email_address_unique'";
    expect(mapOrmError(mysql(1062, forged), { orm: orms.mariadb })?.properties).toEqual(['emailAddress']);
    const eight = "Duplicate entry 'a\n' for key 'users.uq_zip'' for key 'users.users_lgn_unique'";
    expect(mapOrmError(mysql(1062, eight, ''), { orm: orms.mariadb })?.properties).toEqual(['loginName']);
    const column =
      "Incorrect integer value: 'a' for column 'email_address' at row 1' for column `app`.`users`.`age` at row 1";
    expect(mapOrmError(mysql(1366, column), { orm: orms.mariadb })?.properties).toEqual(['age']);
    const where = "Truncated incorrect DOUBLE value: 'x' for column 'age' at row 1'";
    expect(mapOrmError(mysql(1292, where), { orm: orms.mariadb })?.properties).toBe(undefined);
  });

  test('the table of a statement, in MySQL', () => {
    const primary = "Duplicate entry '1' for key 'PRIMARY'";
    const sql = "insert into `orgs` (`display_name`) values ('insert into `users`')";
    expect(mapOrmError(mysql(1062, primary, sql), { orm: orms.mariadb })?.entity).toBe('Org');
    expect(
      mapOrmError(mysql(1062, primary, "/* `users` */ 'insert into `users`'"), { orm: orms.mariadb })?.entity,
    ).toBe(undefined);
  });

  test('a second key in a detail, in PostgreSQL, whatever its language', () => {
    const detail = 'Schlüssel »(nick_name)=(x)=(y, "Key (lgn)=(z))« existiert bereits.';
    expect(mapOrmError(pg({ code: '23505', table: 'users', detail }), { orm })?.properties).toEqual(['nickName']);
  });

  test('a row in a detail, in PostgreSQL', () => {
    const row = { table: 'users', detail: 'Failing row contains (email_address)=(1, 2).' };
    expect(mapOrmError(pg({ ...row, code: '23514', constraint: 'of_the_database' }), { orm })).toMatchObject({
      code: 'check-violation',
      entity: 'User',
    });
    expect(mapOrmError(pg({ ...row, code: '23514' }), { orm })?.properties).toBe(undefined);
  });

  test('texts that are made to take long', () => {
    const began = performance.now();
    for (const text of [
      '('.repeat(1e6),
      "'`".repeat(1e6),
      'a'.repeat(1e6),
      '0'.repeat(1e6),
      '`a.'.repeat(1e6),
      ' at x\n'.repeat(1e6),
    ]) {
      for (const errno of [1062, 1366, 1452, 4025]) {
        mapOrmError(mysql(errno, text, text), { orm: orms.mariadb });
      }
      mapOrmError(pg({ code: '23505', table: 'users', detail: `Key (${text})=(1)`, stack: text }), { orm });
      mapOrmError(new ValidationError(`Trying to set User.status of type 'string' to ${text}`), { orm });
      mapOrmError(new NotFoundError(text), { orm });
      mapOrmError(Object.assign(new Error(text), { code: 'SQLITE_CONSTRAINT_CHECK' }), { orm: orms.sqlite });
      mapOrmError(Object.assign(new Error(text), { code: 'ECONNREFUSED', stack: text }), { orm });
    }
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('the end of a foreign key, in any language and without a message', () => {
    const foreign = { code: '23503', table: 'users', constraint: 'users_legacy_org_ref_foreign' };
    const german = 'Aktualisieren oder Löschen in Tabelle „orgs“ verletzt Constraint „c“ von Tabelle „users“';
    expect(mapOrmError(pg({ ...foreign, message: german }), { orm })?.code).toBe('resource-in-use');
    const french = 'une insertion ou une mise à jour sur la table « users » viole la contrainte « c »';
    expect(mapOrmError(pg({ ...foreign, message: french }), { orm })?.code).toBe('reference-not-found');
    const parent = { ...foreign, detail: 'X (id)=(1) Y' };
    expect(mapOrmError(pg(parent), { orm })).toMatchObject({ code: 'resource-in-use', properties: ['legacyOrg'] });
    const child = { ...foreign, detail: 'X (legacy_org_ref)=(1) Y' };
    expect(mapOrmError(pg(child), { orm })?.code).toBe('reference-not-found');
    expect(mapOrmError(pg(foreign), { orm })?.code).toBe('reference-violation');
  });

  test('names in an error of the ORM that no entity has', () => {
    for (const message of ['Secret not found (1)', 'User.secret not found (1)', 'secret value User not found (1)']) {
      expect(mapOrmError(new NotFoundError(message), { orm })?.entity).toBe(undefined);
    }
    const required = new ValidationError("Value for User.secret is required, 'undefined' found");
    expect(mapOrmError(required, { orm })).toMatchObject({ code: 'required', entity: 'User' });
    expect(mapOrmError(required, { orm })?.properties).toBe(undefined);
  });
});
