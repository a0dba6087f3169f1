import { mysql } from './mysql.js';
import type { NativeDriver } from './native-client.js';
import { postgresql } from './postgresql.js';

/** What is particular to the driver of a server, by the packages that MikroORM names; undefined for an embedded database. */
export function nativeDriverOf(packages: readonly string[]): NativeDriver | undefined {
  return packages.includes('pg') ? postgresql : packages.includes('mysql2') ? mysql : undefined;
}
