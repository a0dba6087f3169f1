/** What a statement does to the transaction that it runs in. */
export type Control = 'begin' | 'begin read only' | 'commit' | 'rollback' | 'settings' | 'two-phase';

/** A statement that is none of these words, and has no second one behind it, needs no closer look. */
const ORDINARY = /^\s*(?:select|insert|update|delete|with|values|replace)\b[^;]*;?\s*$/i;

/** Whether a text is one ordinary statement: most are. */
export const isOrdinary = (sql: string): boolean => ORDINARY.test(sql);

/** What is no code of its own, or holds semicolons that end nothing. */
const COMMON = String.raw`"(?:[^"]|"")*"|\`(?:[^\`]|\`\`)*\`|--[^\n]*|/\*[\s\S]*?\*/|\b(?:begin|case|end)\b|;`;
const TOKENS = {
  standard: new RegExp(
    String.raw`\be'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|${COMMON}`,
    'gi',
  ),
  /** MySQL and MariaDB escape by a backslash, and have comments of their own. */
  mysql: new RegExp(String.raw`'(?:[^'\\]|''|\\[\s\S])*'|#[^\n]*|${COMMON}`, 'gi'),
};
export type Syntax = keyof typeof TOKENS;

/** Splits a script into its statements. Strings, comments, and the bodies of triggers and functions stay whole. */
export function splitStatements(script: string, syntax: Syntax): string[] {
  const statements: string[] = [];
  let start = 0;
  let depth = 0;
  for (const match of script.matchAll(TOKENS[syntax])) {
    const token = match[0].toLowerCase();
    const hasBody = (): boolean =>
      /^\s*create\b[\s\S]*\b(?:trigger|function|procedure|event)\b/i.test(bare(script.slice(start, match.index)));
    if ((token === 'begin' && (depth > 0 || hasBody())) || (token === 'case' && depth > 0)) {
      depth++;
    } else if (token === 'end' && depth > 0) {
      depth--;
    } else if (token === ';' && depth === 0) {
      statements.push(script.slice(start, match.index));
      start = match.index + 1;
    }
  }
  statements.push(script.slice(start));
  return statements.map(statement => statement.trim()).filter(statement => bare(statement) !== '');
}

/** Without the comments before it. */
export const bare = (statement: string): string =>
  statement.replace(/^(?:\s|--[^\n]*(?:\n|$)|\/\*(?!!)[\s\S]*?\*\/)+/, '');

/** What one statement does to its transaction; undefined where that is nothing, or a matter of savepoints. */
export function controlOf(statement: string): Control | undefined {
  const words = bare(statement)
    .toLowerCase()
    .replace(/[\s;]+/g, ' ')
    .trim();
  if (/^(?:begin|start transaction)\b/.test(words)) {
    return /\bread only\b/.test(words) ? 'begin read only' : 'begin';
  }
  if (/^(?:prepare transaction|commit prepared|rollback prepared|xa )/.test(words)) {
    return 'two-phase';
  }
  if (/^(?:commit|end)\b/.test(words)) {
    return 'commit';
  }
  if (/^(?:abort\b|rollback\b(?!.*\bto\b))/.test(words)) {
    return 'rollback';
  }
  return /^set (?:(?:session|local) )?(?:transaction\b|session characteristics\b)/.test(words) ? 'settings' : undefined;
}
