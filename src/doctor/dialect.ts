import type { AnyOrm } from '../orm-source.js';

/** Databases whose repairs are written alike. */
export type Dialect = 'sqlite' | 'postgresql' | 'mysql';

export function dialectOf(orm: AnyOrm): Dialect {
  const packages = orm.driver.getDependencies();
  if (packages.includes('mysql2') || packages.includes('mariadb')) {
    return 'mysql';
  }
  return packages.includes('pg') || packages.includes('@electric-sql/pglite') ? 'postgresql' : 'sqlite';
}
