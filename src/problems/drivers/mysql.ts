import type { Classified } from '../classify-error.js';
import { driverOf } from './postgresql.js';
import { read, type Thrown } from '../error-fields.js';
import type { Verdict } from '../verdict.js';

/**
 * What a driver's error names, in the database's words. It only serves to look names up in the metadata: nothing of it
 * reaches a client.
 */
export interface Clue {
  readonly schema?: string | undefined;
  readonly table?: string | undefined;
  /** Name of a constraint or index; of a check that SQLite has no name for, its expression. */
  readonly constraint?: string | undefined;
  /** Column names, or expressions over columns. */
  readonly columns?: readonly string[] | undefined;
}

/** Clues in the order of trust; empty if the driver names nothing. */
export function readClues({ error, thrown, verdict }: Classified): Clue[] {
  const driver = driverOf(error, thrown);
  return driver ? CLUES[driver](thrown, verdict, error) : [];
}

/** `UNIQUE constraint failed: users.first_name, users.last_name`, `… index 'name'`, `CHECK constraint failed: age > 0`. */
function sqliteClues({ message }: Thrown, verdict: Verdict): Clue[] {
  const [, index, text = ''] = /\b[A-Z]+ constraint failed: (?:index '(.+)'|(.+))$/s.exec(message) ?? [];
  const [table = ''] = text.split('.');
  return index || verdict === 'check-violation'
    ? [{ constraint: index ?? text }]
    : [{ table, columns: text.split(', ').map(name => name.replace(`${table}.`, '')) }];
}

function postgresqlClues({ code, schema, table, constraint, column, detail }: Thrown, verdict: Verdict): Clue[] {
  // `detail` begins with the key, `Key (first_name, "mixedCase", lower(email))=(`: what follows is the client's text. But
  // for a check and for not null it begins with the values of a row, and where children exist it is the parent's key.
  const [, key] =
    (/^23(?!502|514)/.test(code) && verdict !== 'resource-in-use' && /^[^(]*\((.*?)\)=\(/s.exec(detail)) || [];
  const columns = column ? [column] : key?.match(/(?:"[^"]*"|\(.*?\)|[^,"(])+/g)?.map(part => part.trim());
  return [
    { schema, table, constraint },
    { schema, table, columns: columns?.map(name => name.replace(/^"(.*)"$/, '$1')) },
  ];
}

/** … (`app`.`users`, CONSTRAINT `users_org_id_foreign` FOREIGN KEY … */
const FOREIGN_KEY = /`(?<table>[^`]+)`, CONSTRAINT `(?<constraint>[^`]+)` FOREIGN KEY/;

/** Where MySQL and MariaDB name something, in every language; what else they quote is a value, which a client can forge. */
const MYSQL: Partial<Record<Verdict, RegExp>> = {
  // Duplicate entry 'value' for key 'users_email_unique'
  'unique-violation': /'(?<constraint>[^']+)'[^']*$/,
  // Column 'age' cannot be null
  required: /'(?<column>[^']+)'/,
  // … for column 'age' at row 1, … for column `app`.`users`.`age` at row 1, and for JSON as a check
  'invalid-value':
    /(?:`(?<table>[^`]+)`\.`(?<column>[^`]+)`|'(?<quoted>[^'`]+)') [^'`]*\d+$|^CONSTRAINT `(?<constraint>[^`]+)/,
  'resource-in-use': FOREIGN_KEY,
  'reference-not-found': FOREIGN_KEY,
  // Check constraint 'users_age_check' is violated, CONSTRAINT `users_age_check` failed
  'check-violation': /[`'](?<constraint>[^`']+)/,
};

function mysqlClues({ message, sql }: Thrown, verdict: Verdict): Clue[] {
  // The table that the statement writes to: its name comes before any value.
  const [, written] =
    /^\s*(?:insert|replace|update)(?:\s+ignore)?(?:\s+into)?\s+(?:`?[^`\s.]+`?\.)?`?([^`\s.(]+)/i.exec(sql) ?? [];
  const { table = written, constraint, quoted, column = quoted } = MYSQL[verdict]?.exec(message)?.groups ?? {};
  // MySQL 8 writes `users.users_email_unique`, MariaDB `users.payload` for its own check of a JSON column.
  const [owner, part] = constraint?.split('.') ?? [];
  return [
    { table, constraint, columns: column ? [column] : undefined },
    ...(part ? [{ table: owner, constraint: part, columns: [part] }] : []),
  ];
}

/**
 * Microsoft SQL Server: `… UNIQUE KEY constraint 'users_email_unique'. … in object 'dbo.users'`, `… key row in object
 * 'dbo.users' with unique index 'users_email_unique'`, `… NULL into column 'age', table 'app.dbo.users'`, `… truncated in
 * table 'app.dbo.users', column 'name'`. Oracle: `(APP.users_email_unique)`, `("APP"."users"."age")`. Values come later.
 */
function quotedClues({ number, errorNum, message }: Thrown, verdict: Verdict): Clue[] {
  const [first, second, third] = message.match(/[^"'().\s]+(?=["')])/g) ?? [];
  const [table, column] =
    verdict === 'required' ? [second, errorNum ? third : first] : errorNum ? [second, third] : [first, second];
  return verdict === 'required' || /^(?:2628|12899)$/.test(number + errorNum)
    ? [{ table, columns: column ? [column] : undefined }]
    : /violation|reference|in-use/.test(verdict)
      ? [{ constraint: first }, { constraint: second }]
      : [];
}

/** `… collection: app.users index: email_1 dup key: …`; the driver has the index's keys, too. */
function mongoClues({ message }: Thrown, _: Verdict, error: unknown): Clue[] {
  const [, table] = / collection: [^.\s]+\.(\S+) index: /.exec(message) ?? [];
  return [{ table, columns: Object.keys(read(error, 'keyPattern') ?? {}) }];
}

const CLUES = {
  sqlite: sqliteClues,
  postgresql: postgresqlClues,
  mysql: mysqlClues,
  mssql: quotedClues,
  oracle: quotedClues,
  mongodb: mongoClues,
};
