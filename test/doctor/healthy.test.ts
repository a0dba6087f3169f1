import { Collection, defineEntity, MikroORM, p, type Options, type Ref } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import { expect, test } from 'vitest';
import { examine } from '../../src/doctor/doctor.js';
import { createOrmSingleton, explicitEntities, explicitMigrations } from '../../src/index.js';
import { describeDriver } from '../support/databases.js';
import { createOwnDatabase, withOrm } from './support/guide-app.js';

/** What could be taken for a minifier's work, and is not. */
function defineHealthyApp() {
  class Org {
    id!: number;
    members = new Collection<Person>(this);
  }
  class Person {
    id!: number;
    friends = new Collection<Person>(this);
    boss?: Ref<Person>;
  }
  class Vip extends Person {
    card?: string;
  }
  class Seat {
    row!: number;
    no!: number;
  }
  class Booking {
    id!: number;
    seat!: Seat;
    person!: Person;
    price!: number;
  }
  class Tab {
    id!: number;
    kind!: string;
    seats = new Collection<Seat>(this);
  }
  const id = p.integer().primary();
  const OrgSchema = defineEntity({
    name: 'Org',
    class: Org,
    tableName: 'org',
    properties: { id, members: () => p.manyToMany(Person) },
  });
  const PersonSchema = defineEntity({
    name: 'Person',
    class: Person,
    tableName: 'usr',
    discriminatorColumn: 'type',
    discriminatorMap: { p: 'Person', v: 'Vip' } as never, // short names of the app's own
    properties: { id, friends: () => p.manyToMany(Person), boss: () => p.manyToOne(Person).ref().nullable() },
  });
  const VipSchema = defineEntity({
    name: 'Vip',
    class: Vip,
    extends: Person as never,
    properties: { card: p.string().nullable() },
  });
  const SeatSchema = defineEntity({
    name: 'Seat',
    class: Seat,
    tableName: 'seat',
    properties: { row: p.integer().primary(), no: p.integer().primary() },
  });
  const BookingSchema = defineEntity({
    name: 'Booking',
    class: Booking,
    tableName: 'booking',
    properties: {
      id,
      price: p.integer(),
      seat: () => p.manyToOne(Seat),
      person: () => p.manyToOne(Person).fieldName('x_id'),
    },
    checks: [{ name: 'booking_price_check', expression: "price > 0 or 'a' = 'b'" }],
  });
  const TabSchema = defineEntity({
    name: 'Tab',
    class: Tab,
    tableName: 'a',
    properties: { id, kind: p.enum(['k', 'm']), seats: () => p.manyToMany(Seat) },
  });
  return explicitEntities({
    Org: OrgSchema,
    Person: PersonSchema,
    Vip: VipSchema,
    Seat: SeatSchema,
    Booking: BookingSchema,
    Tab: TabSchema,
  } as never);
}

/** Still to run. It makes what looks like a minifier's loss: a column, a foreign key, a table. */
class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table later (id integer)');
  }
}

for (const driver of ['sqlite', 'libsql', 'pglite', 'postgresql', 'mariadb', 'mysql'] as const) {
  await describeDriver(driver, () => {
    test('a healthy app with short names of its own', async () => {
      const { base, drop } = await createOwnDatabase(driver);
      const configOf = () =>
        ({
          ...base,
          entities: defineHealthyApp(),
          ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
        }) as unknown as Options;
      await withOrm(new MikroORM(configOf()) as MikroORM, orm => orm.schema.create());
      const healthy = { ok: true, findings: [], repair: { sql: [], questions: [] } };
      expect((await examine(configOf())).report).toEqual(healthy);
      await withOrm(new MikroORM(configOf()) as MikroORM, orm =>
        orm.driver.getConnection().execute(`insert into usr (id, type) values (1, 'p'), (2, 'v')`),
      );
      expect((await examine(configOf())).report).toEqual(healthy);
      await using orm = createOrmSingleton({ ...configOf(), contextName: `healthy ${driver}` } as never);
      expect(await orm.check()).toEqual({
        ok: false,
        database: { ok: true },
        migrations: { ok: false, pending: ['Migration1'] },
      });
      await drop();
    });
  });
}
