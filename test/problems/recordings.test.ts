import { describe, expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { PROBLEMS, type OrmProblemCode } from '../../src/problems/problem-codes.js';
import { orms, rebuild, rebuildRaw, recordingsOf, type DriverName, type Recording } from './fixtures/recordings.js';

type Code = OrmProblemCode | undefined;

const isSqlite = (driver: DriverName): boolean => driver === 'sqlite' || driver === 'libsql';

/** What a case must become, by the kind that its recording expects. */
function codeOfKind(driver: DriverName, { kind, dir }: NonNullable<Recording['expect']>): Code {
  switch (kind) {
    case 'unique':
      return 'unique-violation';
    case 'fk':
      return isSqlite(driver)
        ? 'reference-violation'
        : dir === 'child-exists'
          ? 'resource-in-use'
          : 'reference-not-found';
    case 'notnull':
      return 'required';
    case 'check':
      return 'check-violation';
    case 'invalid':
      return 'invalid-value';
    case 'lock':
      return 'lock-timeout';
    case 'deadlock':
    case 'serialization':
      return 'transaction-conflict';
    case 'timeout':
      return 'query-timeout';
    case 'conn':
      return 'database-unavailable';
    case 'pool':
      return 'database-overloaded';
    case 'readonly':
      return 'database-read-only';
    case 'rls':
      return 'forbidden';
    case 'exclusion':
      return 'exclusion-violation';
    case 'permission':
      return 'internal-error';
    default:
      return undefined;
  }
}

/** Cases without a kind, or where the kind does not decide; the longest id that a case begins with counts. */
const BY_ID: Readonly<Record<string, Code>> = {
  'sql.': 'internal-error',
  'sql.fields.unknown': undefined, // a TypeError from inside of the ORM
  'orm.findOneOrFail': 'not-found',
  'orm.refresh.gone': 'not-found',
  'orm.ref.notFound': 'not-found',
  'orm.ref.loadOrFail': undefined, // a TypeError
  'orm.optimistic.': 'version-conflict',
  'orm.optimistic.notVersioned': 'internal-error',
  'orm.pessimistic.noTx': 'internal-error',
  'orm.propertyRequired': 'required',
  'orm.wrongType.': 'invalid-value',
  'orm.wrongType.relation': 'invalid-value',
  'orm.cursor.': 'invalid-cursor',
  'orm.cursor.noOrderBy': 'internal-error',
  'orm.cursor.injectObj': 'invalid-value',
  'orm.tx.': 'internal-error',
  'orm.globalContext': 'internal-error',
  'orm.undiscovered': 'internal-error',
  'orm.findOne.emptyWhere': 'internal-error',
  'orm.flushInsideHook': 'internal-error',
  'orm.hookThrows': undefined, // the application's own
  'orm.afterClose': 'database-unavailable',
  'abort.': 'request-cancelled',
  'abort.timeout': 'query-timeout',
  'abort.inflight': 'query-timeout',
  'readonly.': 'database-read-only',
  full: 'storage-full',
  toobig: 'invalid-value',
  'interrupt.none': 'internal-error',
  'open.': 'database-unavailable',
  'open.notadb': 'internal-error',
  'strict.type': 'invalid-value',
  'trigger.raise': 'internal-error',
  'remote.refused': 'database-unavailable',
  'conn.tooMany': 'database-overloaded',
  'invalid.': 'invalid-value',
  'invalid.divzero': 'internal-error', // the application's SQL
  'invalid.regex': 'internal-error', // the application's pattern
  'truncate.fk': 'internal-error',
  'drop.fk': 'resource-in-use',
  'plpgsql.raise': 'internal-error',
  'plpgsql.raise.unique': 'unique-violation',
  'tx.aborted': 'internal-error',
  idleInTx: 'database-unavailable',
  signal: 'internal-error',
  packetTooBig: 'database-unavailable',
};

/** Where drivers differ. */
const BY_DRIVER: Readonly<Partial<Record<DriverName, Record<string, Code>>>> = {
  sqlite: { 'orm.wrongType.relation': 'reference-violation', 'invalid.limit.nan': 'invalid-value' },
  libsql: {
    'orm.wrongType.relation': 'reference-violation',
    'readonly.db': 'lock-timeout', // the recording found the file locked
    'fk.deferred.commit': 'internal-error', // libsql says SQLITE_BUSY, not what failed
  },
  pglite: {
    'abort.inflight.': 'internal-error', // a strategy that the driver lacks
    'orm.afterClose': 'internal-error', // reopened, empty: relation does not exist
  },
  mariadb: {
    'invalid.limit.negative': 'internal-error', // a syntax error
  },
};

/** What the recorder wrote down instead of an error. */
const NOT_AN_ERROR = /^(?:n\/a|STILL WAITING.*|rows in pivot: 0|checkConnection: .*)$/;

/** Entity and properties: cases in which the driver does not name enough. */
const UNNAMED: Readonly<Record<DriverName, RegExp>> = {
  // foreign keys name nothing; of an index over an expression only a name is told, which metadata lack
  sqlite: /^(?:fk\.|expr\.unique$|invalid\.)/,
  libsql: /^(?:fk\.|expr\.unique$|invalid\.)/,
  // 22xxx name no column; `rs` and the domain are not in the metadata
  pglite: /^(?:invalid\.|restrict\.on\.delete$)/,
  postgresql: /^(?:invalid\.|restrict\.on\.delete$)/,
  mariadb: /^restrict\.on\.delete$/,
};

function expectedCode(driver: DriverName, { id, expect: wanted }: Recording): Code {
  const longest = (table: Record<string, Code>): string | undefined =>
    Object.keys(table)
      .filter(key => id.startsWith(key))
      .sort((a, b) => b.length - a.length)[0];
  const own = BY_DRIVER[driver] ?? {};
  const ownKey = longest(own);
  if (ownKey !== undefined) {
    return own[ownKey];
  }
  if (id === 'conn.tooMany' || wanted?.kind === undefined) {
    const key = longest(BY_ID);
    return key === undefined ? undefined : BY_ID[key];
  }
  return codeOfKind(driver, wanted);
}

const PERMANENT = /^(?:conn\.wrongPassword|conn\.unknownDb|open\.cannot)/;

describe.each(Object.keys(orms) as DriverName[])('%s', driver => {
  const orm = orms[driver];
  const recordings = recordingsOf(driver).filter(({ own }) => !NOT_AN_ERROR.test(own['message'] as string));
  const located = recordings.filter(({ id, expect: wanted }) => wanted?.entity && !UNNAMED[driver].test(id));

  test('every recording has its code', () => {
    const wrong = recordings.flatMap(recording => {
      const wanted = expectedCode(driver, recording);
      const found = mapOrmError(rebuild(recording), { orm })?.code;
      return found === wanted ? [] : [`${recording.id}: ${found} instead of ${wanted}`];
    });
    console.log(`${driver}: code ${recordings.length - wrong.length} of ${recordings.length}`);
    expect(wrong).toEqual([]);
  });

  test('status, retryable and retryAfter follow the code', () => {
    for (const recording of recordings) {
      const problem = mapOrmError(rebuild(recording), { orm });
      if (problem) {
        const { status, retryable, retryAfter, title } = PROBLEMS[problem.code];
        const seconds = PERMANENT.test(recording.id) ? undefined : retryAfter;
        expect({ id: recording.id, ...problem }).toMatchObject({ id: recording.id, status, retryable, title });
        expect([recording.id, problem.retryAfter]).toEqual([recording.id, seconds]);
      }
    }
  });

  test('every recording that names enough has its entity and properties', () => {
    const wrong = located.flatMap(recording => {
      const { entity, altEntity, props } = recording.expect ?? {};
      const found = mapOrmError(rebuild(recording), { orm });
      const right =
        (found?.entity === entity || found?.entity === altEntity) &&
        JSON.stringify(found?.properties) === JSON.stringify(props);
      return right ? [] : [`${recording.id}: ${found?.entity} ${found?.properties} instead of ${entity} ${props}`];
    });
    const all = recordings.filter(({ expect: wanted }) => wanted?.entity);
    console.log(`${driver}: properties ${located.length - wrong.length} of ${located.length} (${all.length} expected)`);
    expect(wrong).toEqual([]);
  });

  test('what the driver does not name is left out', () => {
    for (const recording of recordings.filter(({ id }) => UNNAMED[driver].test(id))) {
      const found = mapOrmError(rebuild(recording), { orm });
      expect([recording.id, found?.properties ?? [], found?.errors]).toEqual([recording.id, [], undefined]);
    }
  });

  test('an error that MikroORM did not convert means the same', () => {
    const coded = recordings.filter(
      ({ chain, own }) => chain.includes('DriverException') && own['code'] !== '__undefined__' && own['code'] !== '',
    );
    for (const recording of coded) {
      const [raw, converted] = [rebuildRaw(recording), rebuild(recording)].map(error => mapOrmError(error, { orm }));
      expect([recording.id, raw]).toEqual([recording.id, converted]);
    }
    expect(coded.length).toBeGreaterThan(50);
  });

  test('without an ORM the code is the same, and nothing is named', () => {
    for (const recording of recordings) {
      const [bare, full] = [{}, { orm }].map(options => mapOrmError(rebuild(recording), options));
      expect([recording.id, bare?.entity, bare?.properties, bare?.errors]).toEqual([
        recording.id,
        undefined,
        undefined,
        undefined,
      ]);
      if (!NEEDS_ORM.test(`${driver}.${recording.id}`)) {
        expect([recording.id, bare?.code]).toEqual([recording.id, full?.code]);
      }
    }
  });

  test('nothing of the error shows', () => {
    for (const recording of recordings) {
      const shown = JSON.stringify(mapOrmError(rebuild(recording), { orm }) ?? {});
      for (const key of ['message', 'sql', 'query', 'detail', 'constraint', 'address', 'table']) {
        const value = recording.own[key];
        if (typeof value === 'string' && value.length > 2 && value !== '__undefined__' && !/^[a-z]+s$/.test(value)) {
          expect(shown).not.toContain(value);
        }
      }
      expect(shown).not.toMatch(/secret|a@x|_unique|_foreign|127\.0\.0\.1|insert into|[\n"]select /i);
    }
  });
});

/** Only metadata know an enum from a number, and only the ORM's own port knows a raw socket error for the database's. */
const NEEDS_ORM = /^(?:mariadb\.check\.enum\.emInsert|postgresql\.conn\.refused\.(?:tx|flush))$/;

test('with the caller gone, every error of the ORM is a cancelled request', () => {
  const signal = AbortSignal.abort();
  for (const recording of recordingsOf('sqlite').filter(({ id }) => id.startsWith('abort.'))) {
    expect(mapOrmError(rebuild(recording), { signal })).toMatchObject({ code: 'request-cancelled', status: 499 });
  }
});
