import { readText } from './safe-read.js';
import type { DriverError } from './recognise-driver-error.js';

/**
 * What a driver's error names, in the database's words. It only serves to look names up in the metadata: nothing of it
 * reaches a client.
 */
export interface Clue {
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  readonly constraint?: string | undefined;
  /** Column names, or expressions over columns. */
  readonly columns?: readonly string[] | undefined;
  /** SQLite's `table.column`. */
  readonly qualified?: readonly string[] | undefined;
  /** SQLite's text for a check: its name, or its expression. */
  readonly check?: string | undefined;
}

/** Characters of a text that are looked at: servers cut theirs, and patterns below are for short ones. */
const LIMIT = 2_000;

/** Clues in the order of trust; empty if the driver names nothing. */
export function readClues(driver: DriverError, error: unknown): Clue[] {
  switch (driver.kind) {
    case 'sqlite':
      return sqliteClues(readText(error, 'message') ?? '');
    case 'postgresql':
      return postgresqlClues(driver.code, error);
    case 'mysql':
      return mysqlClues(driver.errno, error);
    case 'client':
      return [];
  }
}

function sqliteClues(message: string): Clue[] {
  const [, kind, text = ''] = /^(?:[\w ]+: )?(UNIQUE|NOT NULL|CHECK) constraint failed: (.+)$/s.exec(message) ?? [];
  if (kind === undefined) {
    return [];
  }
  const [, index] = /^index '(.+)'$/s.exec(text) ?? [];
  return kind === 'CHECK'
    ? [{ check: text }]
    : index !== undefined
      ? [{ constraint: index }]
      : [{ qualified: text.split(', ') }];
}

/** Errors whose `detail` begins with the key: unique, foreign and exclusion. Others begin with the values of a row. */
const KEY_IN_DETAIL = new Set(['23001', '23503', '23505', '23P01']);

function postgresqlClues(state: string, error: unknown): Clue[] {
  const place = { schema: readText(error, 'schema'), table: readText(error, 'table') };
  const column = readText(error, 'column');
  const detail = KEY_IN_DETAIL.has(state) ? (readText(error, 'detail') ?? '').slice(0, LIMIT) : '';
  // Columns come before values: what follows the first `)=(` is the client's text.
  const [, listed] = /^[^(]*\((.*?)\)=\(/s.exec(detail) ?? [];
  return [
    { ...place, constraint: readText(error, 'constraint') },
    { ...place, columns: column !== undefined ? [column] : listed !== undefined ? splitColumns(listed) : undefined },
  ];
}

/** `first_name, "mixedCase", lower(email)`: commas inside quotes and brackets do not count. */
function splitColumns(list: string): string[] {
  const parts = list.match(/(?:"(?:[^"]|"")*"|\((?:[^()]|\([^()]*\))*\)|[^,"()])+/g) ?? [];
  return parts.map(part => part.trim()).map(part => (/^"(?:[^"]|"")*"$/.test(part) ? unquote(part, '"') : part));
}

/** Errors whose message quotes the column last, before `at row 1`: `for column 'age'` or `` `db`.`users`.`age` ``. */
const COLUMN_AT_ROW = new Set([1264, 1265, 1292, 1366, 1406]);

function mysqlClues(errno: number, error: unknown): Clue[] {
  const message = (readText(error, 'sqlMessage') ?? readText(error, 'message') ?? '').slice(0, LIMIT);
  const table = tableOfStatement(readText(error, 'sql') ?? '');
  if (COLUMN_AT_ROW.has(errno)) {
    const [, owner, ticked, quoted] = /(?:`([^`]+)`\.`([^`]+)`|'([^'`]+)') [^'`]*\d+$/.exec(message) ?? [];
    const column = ticked ?? quoted;
    return column === undefined ? [] : [{ table: owner ?? table, columns: [column] }];
  }
  switch (errno) {
    case 1062:
    case 1586: {
      // The first quoted text is the value, which a client can shape; the key's name comes last.
      const key = lastQuoted(message);
      const dot = key?.indexOf('.') ?? -1;
      return key === undefined
        ? []
        : dot > 0 // MySQL 8 writes `users.users_email_unique`
          ? [
              { table, constraint: key },
              { table: key.slice(0, dot), constraint: key.slice(dot + 1) },
            ]
          : [{ table, constraint: key }];
    }
    case 1048:
    case 1263:
    case 1364: {
      const [, column] = /'([^']+)'/.exec(message) ?? [];
      return column === undefined ? [] : [{ table, columns: [column] }];
    }
    case 1451:
    case 1452: {
      const [, child, constraint] = /`((?:[^`]|``)*)`, CONSTRAINT `((?:[^`]|``)*)` FOREIGN KEY/.exec(message) ?? [];
      return child === undefined || constraint === undefined
        ? []
        : [{ table: unquote(`\`${child}\``, '`'), constraint: unquote(`\`${constraint}\``, '`') }];
    }
    case 3819:
    case 4025: {
      const [, ticked, quoted] = /`([^`]+)`|'([^']+)'/.exec(message) ?? [];
      const name = ticked ?? quoted ?? '';
      const dot = name.indexOf('.'); // MariaDB's own check of a JSON column
      return [
        { table, constraint: name },
        ...(dot > 0 ? [{ table: name.slice(0, dot), columns: [name.slice(dot + 1)] }] : []),
      ];
    }
    default:
      return [];
  }
}

function lastQuoted(message: string): string | undefined {
  const end = message.lastIndexOf("'");
  const start = message.lastIndexOf("'", end - 1);
  return start >= 0 && end - start > 1 ? message.slice(start + 1, end) : undefined;
}

/** The table that a statement writes to: its name comes before any value. */
function tableOfStatement(sql: string): string | undefined {
  const [, name] =
    /^\s*(?:insert(?:\s+ignore)?(?:\s+into)?|replace(?:\s+into)?|update(?:\s+ignore)?)\s+(?:`(?:[^`]|``)+`\.)?(`(?:[^`]|``)+`|\w+)/i.exec(
      sql.slice(0, LIMIT),
    ) ?? [];
  return name?.startsWith('`') ? unquote(name, '`') : name;
}

const unquote = (name: string, quote: string): string => name.slice(1, -1).replaceAll(quote + quote, quote);
