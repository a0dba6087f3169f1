// Every use of what MikroORM and Kysely do not promise: seen in MikroORM 7.2.0 to 7.2.2 and Kysely 0.28 to 0.29.
// test/mikro-orm-internals.test.ts holds each driver to it: when a release changes something, that fails first.
export * from './mikro-orm-internals/connections.js';
export * from './mikro-orm-internals/contexts.js';
export * from './mikro-orm-internals/filters.js';
export * from './mikro-orm-internals/generated-code.js';
export * from './mikro-orm-internals/migrations.js';
export * from './mikro-orm-internals/orms.js';
export * from './mikro-orm-internals/replicas.js';
export * from './mikro-orm-internals/runs.js';
export * from './mikro-orm-internals/schemas.js';
export * from './mikro-orm-internals/transactions.js';
export * from './mikro-orm-internals/versions.js';
