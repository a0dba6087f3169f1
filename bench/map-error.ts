// What it costs to tell what an error means: for each kind of error, and the first time for an ORM.
import { DriverException, MikroORM, UniqueConstraintViolationException, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { mapOrmError } from '../dist/index.js';
import { orms, rebuild, recordingsOf, type Recording } from '../test/problems/fixtures/recordings.ts';
import { alternate, median, rounded } from './support/measure.ts';
import { report, type Figures } from './support/report.ts';

const FRESH = 9;
const SIZES = [10, 100, 500] as const;
const KINDS = {
  unique: 'unique',
  foreignKey: 'fk',
  notNull: 'notnull',
  check: 'check',
  invalidValue: 'invalid',
  lock: 'lock',
  deadlock: 'deadlock',
  timeout: 'timeout',
  network: 'conn',
};

const orm = orms.postgresql;
const recordings = recordingsOf('postgresql');
const errors: Record<string, Error> = { notTheOrms: new TypeError('x is not a function') };
for (const [name, kind] of Object.entries(KINDS)) {
  errors[name] = rebuild(recordings.find(({ expect }: Recording) => expect?.kind === kind)!);
}
errors['notFound'] = rebuild(recordings.find(({ id }) => id.startsWith('orm.findOneOrFail'))!);

const unique = errors['unique']!;
const results = await alternate(
  {
    ...Object.fromEntries(Object.entries(errors).map(([name, error]) => [name, () => mapOrmError(error, { orm })])),
    uniqueBare: () => mapOrmError(unique),
    byHand: () => byHand(unique),
  },
  { rounds: 60 },
);
const micros: Figures = Object.fromEntries(
  Object.entries(results).map(([name, { microseconds }]) => [name, rounded(microseconds)]),
);

const first: Figures = {};
for (const size of SIZES) {
  const [cold, warm]: number[][] = [[], []];
  for (let i = 0; i < FRESH; i++) {
    const fresh = ormOf(size);
    cold!.push(timeOf(() => mapOrmError(unique, { orm: fresh })));
    warm!.push(timeOf(() => mapOrmError(unique, { orm: fresh })));
    await fresh.close();
  }
  first[`first${size}EntitiesMicroseconds`] = rounded(median(cold!));
  first[`second${size}EntitiesMicroseconds`] = rounded(median(warm!));
}

await report({
  id: 'map-error',
  title: 'mapOrmError(error, { orm }), of a PostgreSQL error that is known already',
  lines: [
    ...Object.keys(errors).map((name): [string, string] => [name, `${micros[name]} µs`]),
    ['unique, without orm: no entity, no properties', `${micros['uniqueBare']} µs`],
    ['`instanceof UniqueConstraintViolationException`, by hand: a status, no property', `${micros['byHand']} µs`],
    ...SIZES.map((size): [string, string] => [
      `first error of an ORM with ${size} entities, and the one after it`,
      `${first[`first${size}EntitiesMicroseconds`]} µs, ${first[`second${size}EntitiesMicroseconds`]} µs`,
    ]),
  ],
  ours: {
    ...Object.fromEntries(Object.keys(errors).map(name => [`${name}Microseconds`, micros[name]!])),
    withoutOrmMicroseconds: micros['uniqueBare']!,
    ...first,
  },
  guide: { uniqueMicroseconds: micros['byHand']! },
});

function byHand(error: unknown): number | undefined {
  if (error instanceof UniqueConstraintViolationException) {
    return 409;
  }
  return error instanceof DriverException ? 500 : undefined;
}

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1000;
}

/** An ORM of so many entities, with a unique property each. */
function ormOf(size: number): MikroORM {
  const entities = Array.from({ length: size }, (_, i) =>
    defineEntity({
      name: `Entity${i}`,
      tableName: i === size - 1 ? 'users' : `entity_${i}`,
      properties: {
        id: p.integer().primary(),
        emailAddress: p.string().unique(),
        name: p.string(),
        age: p.integer().nullable(),
        createdAt: p.datetime(),
      },
    }),
  );
  return new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities }) as MikroORM;
}
