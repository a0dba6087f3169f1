import { defineEntity, p } from '@mikro-orm/core';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { explicitEntities } from 'mikro-orm-web';

export const Visit = defineEntity({
  name: 'Visit',
  properties: { id: p.integer().primary(), at: p.datetime().onCreate(() => new Date()) },
});

export const visitsConfig = {
  driver: PostgreSqlDriver,
  dbName: 'visits',
  contextName: 'visits',
  entities: explicitEntities({ Visit }),
};
