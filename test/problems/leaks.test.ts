import * as core from '@mikro-orm/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapOrmError } from '../../src/problems/map-orm-error.js';
import { PROBLEMS, type OrmProblemCode } from '../../src/problems/problem-codes.js';
import { toProblemResponse } from '../../src/problems/to-problem-response.js';
import { orms, rebuild, recordingsOf, type DriverName } from './fixtures/recordings.js';

/** A secret that no text of ours contains, in the middle of what a value may look like. */
const secret = fc
  .tuple(
    fc.string(),
    fc.stringMatching(/^[a-z0-9]{8,12}$/),
    fc.constantFrom('', "'", '"', ')=(', "' for key 'uq_zip'", '\n', '`'),
  )
  .map(([before, core, after]) => ({ core: `zq${core}`, text: `${before}zq${core}${after}` }));

const shape = fc.constantFrom<(text: string) => string>(
  text => text,
  text => `Duplicate entry '${text}' for key 'users_email_address_unique'`,
  text => `UNIQUE constraint failed: users.${text}`,
  text => `CHECK constraint failed: ${text}`,
  text => `insert into \`${text}\` values ('${text}')`,
  text => `Key (${text})=(${text}) already exists.`,
  text => `${text} not found ({ password: '${text}' })`,
  text => `Value for User.${text} is required, '${text}' found`,
  text => `Value for ${text}.requiredText is required, '${text}' found`,
  text => `connect ECONNREFUSED ${text}:5432`,
  text => `Column '${text}' cannot be null`,
  text => `Cannot add a child row (\`${text}\`.\`${text}\`, CONSTRAINT \`${text}\` FOREIGN KEY (\`${text}\`)`,
);

const CODES = [
  'SQLITE_CONSTRAINT_UNIQUE',
  'SQLITE_CONSTRAINT_CHECK',
  'SQLITE_ERROR',
  '23505',
  '23503',
  '23514',
  '22P02',
  'ECONNREFUSED',
];
const ERRNOS = [1062, 1048, 1451, 1452, 1366, 3819, 4025, 1292];
const KEYS = [
  'message',
  'stack',
  'detail',
  'constraint',
  'table',
  'schema',
  'column',
  'sql',
  'sqlMessage',
  'query',
  'where',
  'hint',
  'address',
  'hostname',
  'host',
  'routine',
  'name',
  'entity',
];
const CLASSES = Object.values(core).filter(
  (type): type is typeof core.DriverException => typeof type === 'function' && type.prototype instanceof Error,
);

const known = new Set<string>();
for (const { className, properties } of orms.postgresql.getMetadata().getAll().values()) {
  known.add(className);
  Object.keys(properties).forEach(name => known.add(name.replace('address_', 'address.')));
}

/** Every text in the problem is from the table or from the metadata. */
function expectAllowed(problem: NonNullable<ReturnType<typeof mapOrmError>>): void {
  const { title, status } = PROBLEMS[problem.code];
  expect(problem).toMatchObject({ title, status, type: `urn:mikro-orm-web:problem:${problem.code}` });
  for (const name of [
    problem.entity,
    ...(problem.properties ?? []),
    ...(problem.errors ?? []).map(({ path }) => path),
  ]) {
    expect(name === undefined || known.has(name)).toBe(true);
  }
  for (const { message } of problem.errors ?? []) {
    expect(message.replace(' in this combination', '')).toBe(PROBLEMS[problem.code].message);
  }
}

test('no fragment of an error reaches the problem or the response, whatever its class, code and shape', async () => {
  let problems = 0;
  await fc.assert(
    fc.asyncProperty(
      secret,
      fc.dictionary(fc.constantFrom(...KEYS), shape),
      fc.constantFrom(...CLASSES, Error),
      fc.option(fc.constantFrom(...CODES), { nil: undefined }),
      fc.option(fc.constantFrom(...ERRNOS), { nil: undefined }),
      fc.constantFrom(...(Object.keys(orms) as DriverName[])),
      fc.boolean(),
      async ({ core: hidden, text }, shapes, type, code, errno, driver, wrapped) => {
        const error: Error = Object.create(type.prototype as object);
        const own = Object.fromEntries(Object.entries(shapes).map(([key, form]) => [key, form(text)]));
        const marks = { severity: 'ERROR', sqlState: '23000' };
        Object.assign(error, { message: text }, own, code && { code }, errno && { errno }, marks);
        const problem = mapOrmError(wrapped ? new Error(text, { cause: error }) : error, { orm: orms[driver] });
        if (problem) {
          problems += 1;
          expect(JSON.stringify(problem)).not.toContain(hidden);
          const response = toProblemResponse(problem);
          expect((await response.text()) + JSON.stringify([...response.headers])).not.toContain(hidden);
          expectAllowed(problem);
        }
      },
    ),
    { numRuns: 3000 },
  );
  expect(problems).toBeGreaterThan(1000);
});

test('nor does it from a recorded error whose every text is a secret', () => {
  const recordings = (Object.keys(orms) as DriverName[]).flatMap(driver =>
    recordingsOf(driver).map(recording => ({ driver, recording })),
  );
  fc.assert(
    fc.property(fc.constantFrom(...recordings), secret, ({ driver, recording }, { core: hidden, text }) => {
      const own = Object.fromEntries(
        Object.entries(recording.own).map(([key, value]) => [
          key,
          typeof value === 'string' && !['code', 'name', 'sqlState', 'syscall'].includes(key) ? value + text : value,
        ]),
      );
      const problem = mapOrmError(rebuild({ ...recording, own }), { orm: orms[driver] });
      expect(JSON.stringify(problem ?? {})).not.toContain(hidden);
      if (problem) {
        expectAllowed(problem);
      }
    }),
    { numRuns: 3000 },
  );
});

test('overrides are the only other source', () => {
  const error = Object.assign(new Error('x'), { code: 'SQLITE_FULL' });
  const overrides = { 'storage-full': { title: 'No room', status: 500, type: 'about:blank' } } satisfies Partial<
    Record<OrmProblemCode, object>
  >;
  expect(mapOrmError(error, { overrides })).toEqual({
    status: 500,
    code: 'storage-full',
    type: 'about:blank',
    title: 'No room',
    retryable: false,
  });
});
