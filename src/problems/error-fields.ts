/** What an error says: its properties as text, empty where there is none. Safe to read, whatever was thrown. */
export type Thrown = Readonly<
  Record<
    | ('name' | 'message' | 'stack' | 'code' | 'status' | 'statusCode')
    | ('schema' | 'table' | 'column' | 'constraint' | 'detail' | 'severity' | 'routine' | 'file') // PostgreSQL
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

/** A view of what was thrown: a proxy, so that no list of properties has to be kept in step with their uses. */
export const viewOf = (error: unknown): Thrown =>
  new Proxy({} as Thrown, {
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
