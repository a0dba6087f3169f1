import { defineConfig } from '@mikro-orm/sqlite';
import { createOrmSingleton } from 'mikro-orm-web';

export const orm = createOrmSingleton(defineConfig({ dbName: ':memory:', entities: [] }));
