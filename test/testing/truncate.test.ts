import { defineEntity, p } from '@mikro-orm/core';
import { Migration } from '@mikro-orm/migrations';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { expect, test } from 'vitest';
import { createOrmSingleton, explicitMigrations } from '../../src/index.js';
import { openSandbox, truncate } from '../../src/testing/index.js';
import { createDatabase, describeDriver, DRIVERS } from '../support/databases.js';

const CountrySchema = defineEntity({
  name: 'Country',
  tableName: 'countries',
  properties: { id: p.integer().primary() },
});
const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.integer().primary(),
    name: p.string(),
    country: () => p.manyToOne(CountrySchema).nullable(),
    friend: () => p.manyToOne(UserSchema).nullable(),
    tags: () => p.manyToMany(TagSchema),
  },
});
const TagSchema = defineEntity({
  name: 'Tag',
  tableName: 'tags',
  properties: { id: p.integer().primary(), name: p.string() },
});

class Migration1 extends Migration {
  override up(): void {
    this.addSql('create table extra (id int)');
  }
}

for (const driver of DRIVERS) {
  await describeDriver(driver, name => {
    test('empties all tables, and restarts their sequences', async () => {
      const database = await createDatabase(name);
      const orm = createOrmSingleton(
        {
          ...database.config,
          entities: [CountrySchema, UserSchema, TagSchema],
          ...explicitMigrations({ Migration1 }, { silent: true, snapshot: false }),
        } as never,
        { name: `truncate ${name}`, migrate: true },
      );
      try {
        const ready = await orm();
        await (ready as unknown as { schema: { create(): Promise<void> } }).schema.create();
        const em = (): SqlEntityManager => ready.em.fork() as unknown as SqlEntityManager;
        const fill = async () => {
          const country = await em()
            .insert(CountrySchema, {} as never)
            .catch(() => em().insert(CountrySchema, { id: 7 }));
          const first = await em().insert(UserSchema, { name: 'a', country });
          await em().insert(UserSchema, { name: 'b', friend: first });
          const filled = em();
          const tag = filled.create(TagSchema, { name: 't' });
          (await filled.findOneOrFail(UserSchema, first, { populate: ['tags'] })).tags.add(tag);
          await filled.flush();
          return first;
        };
        const count = async () =>
          Promise.all([CountrySchema, UserSchema, TagSchema].map(type => em().count(type as never)));
        expect(await fill()).toBe(1);
        await truncate(orm as never);
        expect(await count()).toEqual([0, 0, 0]);
        expect(
          await (ready as unknown as { migrator: { getPending(): Promise<unknown[]> } }).migrator.getPending(),
        ).toEqual([]);
        expect(await fill()).toBe(1);
        await truncate(orm as never, { except: ['countries'] });
        expect(await count()).toEqual([1, 0, 0]);
        await expect(truncate(orm as never, { except: ['users'] })).rejects.toThrow(/users.* → .*countries/);
        // foreign keys are what they were
        await expect(em().insert(UserSchema, { name: 'c', country: 99 as never })).rejects.toThrow();
        if (name !== 'mariadb' && name !== 'mysql') {
          const sandbox = await openSandbox(orm as never);
          await fill();
          await truncate(orm as never);
          expect(await count()).toEqual([0, 0, 0]);
          await sandbox.rollback();
          expect(await count()).toEqual([1, 0, 0]);
        }
      } finally {
        await orm.close();
        await database.drop();
      }
    });
  });
}
