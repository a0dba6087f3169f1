/** The properties of an error as text, empty where there is none. Safe to read, whatever was thrown. */
export type ErrorFields = Readonly<
  Record<
    | ('name' | 'message' | 'stack' | 'code' | 'status' | 'statusCode')
    | ('schema' | 'table' | 'column' | 'constraint' | 'detail' | 'severity' | 'routine' | 'file' | 'line') // PostgreSQL
    | ('errno' | 'sql' | 'sqlState' | 'fatal') // MySQL and MariaDB
    | 'number' // Microsoft SQL Server
    | 'errorNum' // Oracle
    | ('syscall' | 'address' | 'hostname' | 'port') // Node
    | '__kysely_timing__',
    string
  >
>;

/** Characters of a text that are looked at: servers cut theirs, and an error may hold megabytes. */
const LIMIT = 8_000;

/** The fields of whatever was thrown, by a proxy: no list of names has to be kept in step with their uses. */
export const fieldsOf = (error: unknown): ErrorFields =>
  new Proxy({} as ErrorFields, {
    get(_, key) {
      const value = read(error, key);
      return Object(value) === value ? '' : String(value ?? '').slice(0, LIMIT);
    },
  });

/** One property of a value of any kind; undefined where there is none: getters and proxies may throw. */
export function read(value: unknown, key: string | symbol): unknown {
  try {
    return (value as Record<string | symbol, unknown> | undefined)?.[key];
  } catch {
    return undefined;
  }
}

/** A property that is an array, as a copy; empty otherwise. */
export function readList(value: unknown, key: string): unknown[] {
  const found = read(value, key);
  try {
    return Array.isArray(found) ? found.slice(0, 50) : [];
  } catch {
    return [];
  }
}
