import { DriverException } from '@mikro-orm/core';
import { afterAll, describe, expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { describeDriver, DRIVERS, type DriverName } from '../support/databases.js';
import { openLab, type Condition } from './conditions/condition.js';
import { connections } from './conditions/connections.js';
import { constraints } from './conditions/constraints.js';
import { faults } from './conditions/faults.js';
import { own } from './conditions/own.js';
import { storage } from './conditions/storage.js';
import { transactions } from './conditions/transactions.js';
import { values } from './conditions/values.js';

const conditions: Condition[] = [
  ...constraints,
  ...values,
  ...transactions,
  ...connections,
  ...storage,
  ...faults,
  ...own,
];

/** A file in the process, and one connection. */
const FILE = {
  'not null, in a partition': 'no partitions',
  exclusion: 'no such constraint',
  'row-level security': 'no users',
  permission: 'no users',
  'unknown role': 'no users',
  'value: range': 'no types',
  'value: date': 'no types',
  'value: uuid': 'no types',
  'value: JSON': 'no types',
  deadlock: 'one writer',
  'serialization, at commit': 'one writer',
  'statement timeout': 'no timers',
  'killed connection': 'no server',
  'wrong password': 'no passwords',
  'unknown user': 'no users',
  'too many connections': 'no limit',
  'pool exhausted': 'waits for ever',
  'kysely before connect': 'connects itself',
  'database without connections': 'no server',
  'fault: division by zero': 'is null',
  'fault: malformed regexp': 'no regexps',
  'fault: exhausted sequence': 'says the disk is full',
  'fault: generated key out of range': 'no types',
  'fault: library of an extension': 'no such thing',
  "fault: type in an application's own query": 'no such types',
  'fault: sequence without a value': 'no sequences',
};

const MARIA = {
  'not null, in a partition': 'names the table',
  exclusion: 'no such constraint',
  'foreign key, at commit': 'never deferred',
  'row-level security': 'no such thing',
  'value: Date that is none': 'stores null',
  'value: uuid': 'a string',
  'value: NUL byte': 'a character',
  'lock wait, at commit': 'locks rows',
  'serialization, at commit': 'locks what is read',
  'read-only file': 'a server',
  'database without connections': 'no such setting',
  'fault: library of an extension': 'no such thing',
  "fault: type in an application's own query": 'no such types',
  'fault: sequence without a value': 'no sequences',
};

/** What a driver cannot do, and why. */
const IMPOSSIBLE: Readonly<Record<DriverName, Readonly<Record<string, string>>>> = {
  sqlite: {
    ...FILE,
    'connection refused': 'no server',
  },
  libsql: {
    ...FILE,
    'foreign key, at commit': 'says SQLITE_BUSY',
    'read-only file': 'ignores readonly',
  },
  pglite: {
    'fault: generated key out of range': 'names no column',
    deadlock: 'one session',
    'lock wait': 'one session',
    'lock wait, at commit': 'locks rows',
    serialization: 'one session',
    'serialization, at commit': 'one session',
    'statement timeout': 'no timers',
    'killed connection': 'no server',
    'connection refused': 'no server',
    'wrong password': 'no passwords',
    'unknown user': 'no login',
    'too many connections': 'one session',
    'pool exhausted': 'waits for ever',
    'kysely before connect': 'connects itself',
    'read-only file': 'no such mode',
    'database without connections': 'no server',
    'disk full': 'needs a full disk',
  },
  postgresql: {
    'fault: generated key out of range': 'names no column',
    'kysely before connect': 'connects itself',
    'lock wait, at commit': 'locks rows',
    'wrong password': 'trust, in pg_hba',
    'read-only file': 'a server',
    'disk full': 'needs a full disk',
  },
  mariadb: MARIA,
  mysql: MARIA,
};

const passed = new Set<string>();

for (const driver of DRIVERS) {
  await describeDriver(driver, () => {
    for (const { name, expected, ways } of conditions.filter(({ on }) => on.includes(driver))) {
      test(name, async () => {
        const { lab, close } = await openLab(driver);
        try {
          for (const [way, provoke] of Object.entries(await ways(lab))) {
            const error = await provoke().then(
              () => expect.fail(`${way}: did not throw`),
              (thrown: unknown) => thrown,
            );
            const { status, code, retryable, retryAfter, entity, properties } = mapOrmError(error, lab) ?? {};
            expect({ status, code, retryable, retryAfter, entity, properties }, `${way}: ${String(error)}`).toEqual(
              typeof expected === 'function' ? expected(driver, way) : expected,
            );
            expect(way.startsWith('raw') && error instanceof DriverException, `${way} is converted`).toBe(false);
          }
        } finally {
          await close();
        }
        passed.add(`${driver} ${name}`);
      });
    }
  });
}

describe('the table', () => {
  test.for(DRIVERS)('%s can do whatever is not listed as impossible', driver => {
    const left = conditions.filter(({ on }) => !on.includes(driver)).map(({ name }) => name);
    expect(left.sort()).toEqual(Object.keys(IMPOSSIBLE[driver]).sort());
  });
});

afterAll(() => {
  const cell = (driver: DriverName, name: string): string =>
    passed.has(`${driver} ${name}`) ? '✓' : name in IMPOSSIBLE[driver] ? `– ${IMPOSSIBLE[driver][name]}` : '✗';
  const rows = [
    ['condition', ...DRIVERS],
    ...conditions.map(({ name }) => [name, ...DRIVERS.map(driver => cell(driver, name))]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  console.log(rows.map(row => row.map((text, column) => text.padEnd(widths[column]!)).join('  ')).join('\n'));
});
