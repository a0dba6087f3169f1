/** What may be in the text of a statement. */
const COMMENT = String.raw`--[^\n]*|/\*[^]*?(?:\*/|$)`;
const ESCAPED_STRING = String.raw`'[^'\\]*(?:(?:\\[^]|'')[^'\\]*)*(?:'|$)`;
const STRING = String.raw`'[^']*(?:''[^']*)*(?:'|$)`;
const DOLLAR_STRING = String.raw`\$(?<tag>[A-Za-z_]\w*)?\$[^]*?(?:\$\k<tag>\$|$)`;
const QUOTED_NAME = String.raw`"[^"]*(?:""[^"]*)*(?:"|$)`;
const BACKTICK_NAME = '`[^`]*(?:`|$)';
/** With its sign, where no operand stands before that. */
const SIGN = String.raw`(?:-(?<![\w)\]"'\x60]\s*-))?`;
const NUMBER = String.raw`${SIGN}(?:0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)`;
const PREFIX = String.raw`(?:\b(?:[xXbBnN]|[uU]&|_[a-z]\w*) ?)?`;
const WORD = String.raw`[$:@]?[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+`;

/** PostgreSQL, SQLite: a backslash is nothing special, but in `E'…'`. */
const STANDARD = new RegExp(
  `(?<comment>${COMMENT})|(?<value>\\b[eE]${ESCAPED_STRING}|${PREFIX}${STRING}|${DOLLAR_STRING}|${NUMBER}|\\b(?:true|false)\\b)|${QUOTED_NAME}|${BACKTICK_NAME}|${WORD}`,
  'gi',
);

/** MySQL, MariaDB: a backslash escapes, `"…"` may be a string, and `#` begins a comment. */
const MYSQL = new RegExp(
  `(?<comment>${COMMENT}|#[^\\n]*)|(?<value>${PREFIX}${ESCAPED_STRING}|${ESCAPED_STRING.replaceAll("'", '"')}|${NUMBER}|\\b(?:true|false)\\b)|${BACKTICK_NAME}|${WORD}`,
  'gi',
);

/**
 * The text of a statement with `?` for every literal, without comments, and with lists of any length as one: MikroORM writes
 * values into the text, and those are nobody's business. The same query with other values has the same text.
 */
export function textWithoutValues(sql: string, isMysql: boolean): string {
  return sql
    .replace(isMysql ? MYSQL : STANDARD, (token, ...args) => {
      const { comment, value } = args.at(-1) as { comment?: string; value?: string };
      return comment !== undefined ? ' ' : value !== undefined ? '?' : token;
    })
    .replace(/\s+/g, ' ')
    .replace(/\(\?(?:, ?\?)+\)/g, '(?)')
    .replace(/(\(\?\))(?:, ?\(\?\))+/g, '$1')
    .trim();
}
