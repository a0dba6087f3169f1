// What a fragment of the docs takes for granted: the README's quick start, and what it would import.
import { serialize } from '@mikro-orm/core';
import { defineConfig } from '@mikro-orm/sqlite';
import {
  createOrmSingleton,
  explicitEntities,
  explicitMigrations,
  mapOrmError,
  openEm,
  retryTransaction,
  toProblemResponse,
  whenSent,
  withRequestContext,
} from '../../../src/index.js';
import { User, UserSchema } from './entities.js';

export {
  createOrmSingleton,
  defineConfig,
  explicitEntities,
  explicitMigrations,
  mapOrmError,
  openEm,
  retryTransaction,
  serialize,
  toProblemResponse,
  User,
  UserSchema,
  whenSent,
  withRequestContext,
};
export declare const migrations: Record<string, unknown>;
export const config = defineConfig({ dbName: 'app.db', entities: explicitEntities({ User: UserSchema }) });
export const orm = createOrmSingleton(config);
