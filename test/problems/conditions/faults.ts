import { EVERY, isMysql, isSqlite, MYSQL, POSTGRES, type Condition, type Lab, type Ways } from './condition.js';

const ours = { status: 500, code: 'internal-error', retryable: false } as const;

/** Runs SQL that prepares, then returns a way that runs `sql`. */
async function after(lab: Lab, prepare: readonly string[], sql: string): Promise<Ways> {
  for (const statement of prepare) {
    await lab.run(statement);
  }
  return { 'raw SQL': () => lab.run(sql) };
}

/** Faults of the server or of the application: no change of the request helps. */
export const faults: Condition[] = [
  {
    name: 'fault: division by zero',
    on: [...POSTGRES, ...MYSQL],
    expected: driver => ({ ...ours, ...(isMysql(driver) && { entity: 'Member' }) }),
    ways: lab => {
      // MySQL and MariaDB refuse it only where it is written
      const mode = "set sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO'";
      const orm = lab.open({ pool: { min: 0, max: 1 } });
      const divide = 'update members set age = 1 / (id - id)';
      return {
        'raw SQL': async () => {
          await (isMysql(lab.driver) && lab.run(mode, orm.em));
          await lab.run(divide, lab.driver === 'pglite' ? lab.orm.em : orm.em);
        },
      };
    },
  },
  {
    name: 'fault: malformed regexp',
    on: [...POSTGRES, ...MYSQL],
    expected: ours,
    ways: lab => ({
      'raw SQL': () => lab.run(`select 'a' ${isMysql(lab.driver) ? 'regexp' : '~'} '('`),
    }),
  },
  {
    name: 'fault: exhausted sequence',
    on: [...POSTGRES, ...MYSQL],
    expected: ours,
    ways: lab =>
      isMysql(lab.driver)
        ? after(
            lab,
            ['create table tiny (id tinyint auto_increment primary key, n int)', 'insert into tiny values (127, 1)'],
            'insert into tiny (n) values (1)',
          )
        : after(
            lab,
            ['create sequence tiny maxvalue 2', "select nextval('tiny')", "select nextval('tiny')"],
            "select nextval('tiny')",
          ),
  },
  {
    // the database counts it: a client that could choose it is told the same, which is rare
    name: 'fault: generated key out of range',
    on: MYSQL, // PostgreSQL names no column
    expected: { ...ours, entity: 'Booking', properties: ['id'] },
    ways: lab => ({ 'raw SQL': () => lab.run('insert into bookings (id, room_no) values (99999999999, 1)') }),
  },
  {
    name: 'fault: library of an extension',
    on: POSTGRES,
    expected: ours,
    ways: lab => ({ 'raw SQL': () => lab.run("load 'mow_no_such_library'") }),
  },
  {
    name: 'fault: required column that no entity has',
    on: EVERY,
    expected: { ...ours, entity: 'Booking' },
    ways: lab =>
      after(
        lab,
        isSqlite(lab.driver)
          ? ["alter table bookings add column tenant text not null default 'x'"]
          : ['alter table bookings add column tenant varchar(9) not null'],
        isSqlite(lab.driver)
          ? 'insert into bookings (id, room_no, tenant) values (1, 1, null)'
          : 'insert into bookings (id, room_no) values (1, 1)',
      ),
  },
  {
    name: 'fault: required column of a table that no entity has',
    on: EVERY,
    expected: ours,
    ways: lab => after(lab, ['create table others (n int not null)'], 'insert into others values (null)'),
  },
  {
    name: 'fault: sequence without a value',
    on: POSTGRES,
    expected: ours, // 55000, as of a database that takes no connections
    ways: lab => after(lab, ['create sequence fresh'], "select currval('fresh')"),
  },
];
