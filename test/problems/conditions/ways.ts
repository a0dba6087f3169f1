/** The ways that lead from a row to the database: MikroORM's own, its query builder, kysely and SQL. */
import type { EntityName } from '@mikro-orm/core';
import type { Lab, Ways } from './condition.js';

type Row = Record<string, unknown>;

/** Inserts a row of properties; `flush` has to be left out where the ORM itself would refuse it. */
export function inserts(lab: Lab, entity: EntityName, row: Row): Ways {
  const { table, columns } = columnsOf(lab, entity, row);
  return {
    flush: async () => {
      const em = lab.em();
      em.create(entity, row as never);
      await em.flush();
    },
    insert: () => lab.em().insert(entity, row as never),
    'raw query builder': () =>
      lab
        .em()
        .qb(entity)
        .insert(row as never)
        .execute(),
    'raw kysely': () =>
      lab
        .em()
        .getKysely<never>()
        .insertInto(table)
        .values(columns as never)
        .execute(),
    'raw SQL': async () => {
      const values = Object.values(columns).map(value => literal(lab, value));
      await lab.run(`insert into ${table} (${Object.keys(columns).join()}) values (${values.join()})`);
    },
  };
}

/** Changes the first row of an entity. */
export function updates(lab: Lab, entity: EntityName, row: Row): Ways {
  const { table, columns } = columnsOf(lab, entity, row);
  return {
    nativeUpdate: () => lab.em().nativeUpdate(entity, { id: 1 } as never, row as never),
    'raw query builder': () =>
      lab
        .em()
        .qb(entity)
        .update(row as never)
        .where({ id: 1 } as never)
        .execute(),
    'raw kysely': () =>
      lab
        .em()
        .getKysely<never>()
        .updateTable(table)
        .set(columns as never)
        .where('id' as never, '=', 1 as never)
        .execute(),
    'raw SQL': async () => {
      const set = Object.entries(columns).map(([column, value]) => `${column} = ${literal(lab, value)}`);
      await lab.run(`update ${table} set ${set.join()} where id = 1`);
    },
  };
}

/** Some of the ways. */
export const only = (ways: Ways, ...names: string[]): Ways =>
  Object.fromEntries(names.map(name => [name, ways[name] ?? (() => Promise.reject(new Error(`no way ${name}`)))]));

function columnsOf(lab: Lab, entity: EntityName, row: Row): { table: never; columns: Row } {
  const meta = lab.orm.getMetadata().get(entity as never);
  const properties = meta.properties as Record<string, { fieldNames: string[] }>;
  const columns = Object.entries(row).map(([name, value]) => [properties[name]?.fieldNames[0] ?? name, value]);
  return { table: meta.tableName as never, columns: Object.fromEntries(columns) as Row };
}

const literal = (lab: Lab, value: unknown): string => lab.orm.config.getPlatform().quoteValue(value);
