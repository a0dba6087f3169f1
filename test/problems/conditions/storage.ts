import { EVERY, isMysql, isSqlite, MYSQL, SQLITE, type Condition } from './condition.js';
import { Booking } from './schema.js';
import { inserts, only } from './ways.js';

export const storage: Condition[] = [
  {
    name: 'read-only',
    on: EVERY,
    expected: driver => ({
      status: 503,
      code: 'database-read-only',
      retryable: false,
      retryAfter: 30,
      ...(isMysql(driver) && { entity: 'Booking' }),
    }),
    ways: async lab => {
      if (isSqlite(lab.driver)) {
        await lab.run('pragma query_only = 1');
        return inserts(lab, Booking, { id: 1, roomNo: 1 });
      }
      if (lab.driver === 'pglite') {
        // kysely's dialect has no read-only transactions for it
        await lab.run('set default_transaction_read_only = on');
        return inserts(lab, Booking, { id: 1, roomNo: 1 });
      }
      const within = (way: 'insert' | 'raw SQL') => () =>
        lab.em().transactional(
          async em => {
            const own = { ...lab, em: () => em as never, run: (sql: string) => lab.run(sql, em) };
            await inserts(own, Booking, { id: 1, roomNo: 1 })[way]!();
          },
          { readOnly: true },
        );
      return { insert: within('insert'), 'raw SQL': within('raw SQL') };
    },
  },
  {
    name: 'read-only file',
    on: ['sqlite'],
    expected: { status: 503, code: 'database-read-only', retryable: false, retryAfter: 30 },
    ways: lab => {
      const orm = lab.open({ driverOptions: { readonly: true } });
      return inserts({ ...lab, orm, em: () => lab.em(orm), run: sql => lab.run(sql, orm.em) }, Booking, {
        id: 1,
        roomNo: 1,
      });
    },
  },
  {
    name: 'disk full',
    on: [...SQLITE, ...MYSQL],
    expected: driver => ({
      status: 507,
      code: 'storage-full',
      retryable: false,
      ...(isMysql(driver) && { entity: 'Booking' }),
    }),
    ways: async lab => {
      const row = { id: 1, roomNo: 1, note: 'x'.repeat(100_000) };
      if (isSqlite(lab.driver)) {
        // a full disk ends the transaction, so that its ROLLBACK fails, and the only connection is never released
        const ways = Object.keys(inserts(lab, Booking, row)).map(async way => {
          const orm = lab.open({});
          await lab.run('pragma max_page_count = 1', orm.em);
          const own = { ...lab, orm, em: () => lab.em(orm), run: (sql: string) => lab.run(sql, orm.em) };
          return [way, inserts(own, Booking, row)[way]!] as const;
        });
        return Object.fromEntries(await Promise.all(ways));
      }
      // a table in memory, of a few kilobytes
      const orm = lab.open({ pool: { min: 0, max: 1 } });
      await lab.run('alter table bookings modify note varchar(4000)', orm.em);
      await lab.run('set session max_heap_table_size = 16384', orm.em);
      await lab.run('alter table bookings engine = memory', orm.em);
      const small = { ...lab, orm, em: () => lab.em(orm), run: (sql: string) => lab.run(sql, orm.em) };
      for (let id = 2; id < 100; id++) {
        const full = await lab.run(`insert into bookings (id, room_no) values (${id}, 1)`, orm.em).then(
          () => false,
          () => true,
        );
        if (full) {
          break;
        }
      }
      return only(
        inserts(small, Booking, { ...row, note: null }),
        'insert',
        'raw query builder',
        'raw kysely',
        'raw SQL',
      );
    },
  },
];
