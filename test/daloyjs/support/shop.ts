import { resolve } from 'node:path';
import type { AbstractSqlDriver, Options } from '@mikro-orm/sql';
import { vi } from 'vitest';
import { createDatabase, type DatabaseConfig, type DriverName } from '../../support/databases.js';

/** What an answer said. */
export interface Answer {
  status: number;
  type: string | null;
  headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever a test expects
  body: any;
}

export type Shop = Awaited<ReturnType<typeof loadShop>>;

/** PGlite in memory, or a database of one's own on the server. */
export async function createShopDatabase(driver: Extract<DriverName, 'pglite' | 'postgresql'>) {
  const database = await createDatabase(driver);
  return { ...database, url: driver === 'pglite' ? undefined : urlOf(database.config) };
}

export function urlOf({ host, port, user, dbName }: DatabaseConfig): string {
  return `postgres://${user}@${host}:${port}/${dbName}`;
}

/** Where the snapshot of the schema goes, which the example keeps in its own `src`. */
export const baseDir = resolve(import.meta.dirname, '../../.tmp/shop');

/** The example, evaluated afresh, with what its server adds: on PostgreSQL at this address, or on PGlite in memory. */
export async function loadShop(url?: string, overrides: Partial<Options<AbstractSqlDriver>> = {}) {
  vi.resetModules();
  vi.stubEnv('DATABASE_URL', url);
  vi.stubEnv('DATABASE_DIR', 'memory://');
  vi.stubEnv('LOG_LEVEL', 'fatal');
  const { orm, ormHooks, ormPlugin } = await import('../../../examples/daloyjs/src/orm.ts');
  orm.configure({ logger: () => undefined, baseDir, ...overrides });
  const { buildApp } = await import('../../../examples/daloyjs/src/build-app.ts');
  const { Inventory } = await import('../../../examples/daloyjs/src/entities/inventory.ts');
  const { User } = await import('../../../examples/daloyjs/src/entities/user.ts');
  const { App, HttpError } = await import('@daloyjs/core');
  const app = buildApp();
  app.register(ormPlugin);
  const call = (method: string, path: string, body?: unknown) => request(app, method, path, body);
  return { orm, ormHooks, ormPlugin, buildApp, app, App, HttpError, Inventory, User, call };
}

/** One request, in process. */
export async function request(
  app: { request(path: string, init?: RequestInit): Promise<Response> },
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await app.request(
    path,
    body === undefined ? { method } : { method, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
  );
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    body: text ? JSON.parse(text) : undefined,
  };
}

export const PROBLEM = 'application/problem+json';
