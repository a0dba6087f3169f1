import { describe, expect, test } from 'vitest';
import {
  ExplicitNameError,
  MigrationLockError,
  OrmClosedError,
  OrmConfigError,
  OrmWebError,
  TransactionRetryError,
} from '../src/errors.js';
import { mapOrmError, toProblemResponse } from '../src/index.js';

const cause = new Error('behind it');

describe('every error has a literal code, a name and one base class', () => {
  test.each([
    [new OrmClosedError('main'), 'ORM_CLOSED', 'OrmClosedError'],
    [new OrmConfigError('x', { cause }), 'ORM_CONFIG', 'OrmConfigError'],
    [new ExplicitNameError('x', { cause }), 'EXPLICIT_NAME', 'ExplicitNameError'],
    [new MigrationLockError('x', { cause }), 'MIGRATION_LOCK', 'MigrationLockError'],
    [new TransactionRetryError(3, cause), 'TRANSACTION_RETRY', 'TransactionRetryError'],
  ])('%s', (error, code, name) => {
    expect(error).toBeInstanceOf(OrmWebError);
    expect(error).toBeInstanceOf(Error);
    expect({ code: error.code, name: error.name }).toEqual({ code, name });
    expect(error.cause).toBe(error instanceof OrmClosedError ? undefined : cause);
    expect(error.detail).toBeUndefined();
    expect(error).not.toHaveProperty('detail');
  });
});

describe('detail', () => {
  const detail = 'held by process 4711, role app, client 10.0.0.7';

  test.each([OrmConfigError, MigrationLockError])('%s keeps it off the message', type => {
    const error = new type('Another process holds the lock.', { cause, detail });
    expect(error.detail).toBe(detail);
    expect(error.cause).toBe(cause);
    expect(error.message).not.toContain('4711');
    expect(error.stack).not.toContain('4711');
  });

  test('is not sent to a client', async () => {
    for (const type of [OrmConfigError, MigrationLockError]) {
      const problem = mapOrmError(new type('x', { detail }));
      expect(problem?.status).toBeGreaterThanOrEqual(500);
      expect(JSON.stringify(problem) + (await toProblemResponse(problem!).text())).not.toContain('4711');
    }
  });

  test('without one the property is absent, not undefined', () => {
    expect(new MigrationLockError('x', { detail: undefined })).not.toHaveProperty('detail');
  });
});
