import { migrationStatements } from '../mikro-orm-internals.js';
import type { AnyOrm } from '../orm-source.js';
import { splitTopLevel } from './sql-text.js';

/** What a migration leaves in a database; `table` and `table.column`, in lower case. */
export interface Effects {
  readonly name: string;
  /** What is there after it, and was not there before. */
  readonly makes: ReadonlySet<string>;
  readonly removes: ReadonlySet<string>;
  /** Whether it could run twice: then a migration may have several rows. */
  readonly repeatable: boolean;
  /** All of its SQL. */
  readonly sql: string;
}

/** Whether a migration ran, as the tables and columns of the database tell. */
export type Ran = 'yes' | 'no' | 'unknown';

/** Reads what listed migrations do, in their order. */
export async function readEffects(orm: AnyOrm): Promise<Effects[]> {
  const state = new Set<string>();
  const effects: Effects[] = [];
  for (const entry of orm.config.get('migrations').migrationsList ?? []) {
    const before = new Set(state);
    const statements = await migrationStatements(orm, entry);
    statements.forEach(sql => apply(state, sql));
    const makes = new Set([...state].filter(item => !before.has(item)));
    const removes = new Set([...before].filter(item => !state.has(item)));
    const repeatable = makes.size === 0 || statements.some(sql => /\bif\s+not\s+exists\b/i.test(sql));
    effects.push({ name: entry.name, makes, removes, repeatable, sql: statements.join(';\n') });
  }
  return effects;
}

/**
 * Judges by what only this migration makes, and no other takes away.
 * @param artifacts what is there
 * @param anywhere what is there in any schema: a table in another one proves neither that the migration ran nor the opposite
 */
export function didRun(
  migration: Effects,
  all: readonly Effects[],
  artifacts: ReadonlySet<string>,
  anywhere: ReadonlySet<string>,
): Ran {
  const others = all.filter(other => other !== migration);
  const own = [...migration.makes].filter(item => !others.some(other => other.makes.has(item)));
  if (own.some(item => artifacts.has(item))) {
    return 'yes';
  }
  const lasting = own.filter(item => !others.some(other => other.removes.has(item)));
  return lasting.length > 0 && !own.some(item => anywhere.has(item)) ? 'no' : 'unknown';
}

const NAME = '(?:[`"\\[]?[\\w$]+[`"\\]]?\\.)?[`"\\[]?([\\w$]+)[`"\\]]?';
const CREATE = new RegExp(
  `^\\s*create\\s+(?:temporary\\s+|temp\\s+)?table\\s+(?:if\\s+not\\s+exists\\s+)?${NAME}\\s*\\(`,
  'i',
);
const DROP = new RegExp(`^\\s*drop\\s+table\\s+(?:if\\s+exists\\s+)?${NAME}`, 'i');
const ALTER = new RegExp(`^\\s*alter\\s+table\\s+(?:if\\s+exists\\s+)?(?:only\\s+)?${NAME}\\s+(.*)$`, 'is');
const RENAME_TABLE = new RegExp(`^rename\\s+(?:to\\s+|as\\s+)?${NAME}\\s*$`, 'i');
const RENAME_COLUMN = new RegExp(`^(?:rename\\s+(?:column\\s+)?|change\\s+)${NAME}\\s+(?:to\\s+)?${NAME}`, 'i');
const ADD = new RegExp(`^add\\s+(?:column\\s+)?(?:if\\s+not\\s+exists\\s+)?${NAME}`, 'i');
const DROP_COLUMN = new RegExp(`^drop\\s+column\\s+(?:if\\s+exists\\s+)?${NAME}`, 'i');
const NO_COLUMN = /^(constraint|primary|foreign|unique|check|key|index|fulltext|exclude|like|period)\b/i;

/** Changes `state` as a statement would change a database. What it does not understand changes nothing. */
function apply(state: Set<string>, text: string): void {
  for (const sql of splitTopLevel(text, ';')) {
    const created = CREATE.exec(sql);
    if (created) {
      const table = created[1]!.toLowerCase();
      state.add(table);
      const body = sql.slice(created[0].length, sql.lastIndexOf(')'));
      for (const part of splitTopLevel(body, ',').filter(item => !NO_COLUMN.test(item))) {
        const column = /^[`"[]?([\w$]+)/.exec(part)?.[1];
        if (column) {
          state.add(`${table}.${column.toLowerCase()}`);
        }
      }
      continue;
    }
    const dropped = DROP.exec(sql)?.[1]?.toLowerCase();
    if (dropped) {
      move(state, dropped, undefined);
    }
    const [, altered, rest] = ALTER.exec(sql) ?? [];
    for (const action of splitTopLevel(rest ?? '', ',')) {
      alter(state, altered!.toLowerCase(), action);
    }
  }
}

function alter(state: Set<string>, table: string, action: string): void {
  const renamed = RENAME_TABLE.exec(action)?.[1];
  const column = RENAME_COLUMN.exec(action);
  const isOfIndex = /^rename\s+(constraint|index|key)\b/i.test(action);
  if (renamed) {
    move(state, table, renamed.toLowerCase());
  } else if (column && !isOfIndex) {
    state.delete(`${table}.${column[1]!.toLowerCase()}`);
    state.add(`${table}.${column[2]!.toLowerCase()}`);
  } else if (/^add\b/i.test(action) && !NO_COLUMN.test(action.replace(/^add\s+/i, ''))) {
    state.add(`${table}.${ADD.exec(action)?.[1]?.toLowerCase()}`);
  } else if (DROP_COLUMN.test(action)) {
    state.delete(`${table}.${DROP_COLUMN.exec(action)![1]!.toLowerCase()}`);
  }
}

/** Renames a table and its columns, or removes them. */
function move(state: Set<string>, from: string, to: string | undefined): void {
  for (const item of [...state].filter(other => other === from || other.startsWith(`${from}.`))) {
    state.delete(item);
    if (to !== undefined) {
      state.add(to + item.slice(from.length));
    }
  }
}
