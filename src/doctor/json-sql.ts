import type { Dialect } from './dialect.js';
import type { Examination } from './examination.js';

/** How a database reads and writes a place in JSON; a place that is not there is null. */
interface JsonSql {
  read(exam: Examination, column: string, path: readonly string[]): string;
  write(exam: Examination, column: string, path: readonly string[], value: string, type: string): string;
  length(exam: Examination, column: string, path: readonly string[]): string;
}

/** `$.a[0]."b c"`, quoted. */
const dollarPath = (exam: Examination, path: readonly string[]): string =>
  exam.value(`$${path.map(key => (/^\d+$/.test(key) ? `[${key}]` : `."${key}"`)).join('')}`);

const arrayPath = (exam: Examination, path: readonly string[]): string =>
  `array[${path.map(key => exam.value(key)).join(', ')}]::text[]`;

export const JSON_OF: Record<Dialect, JsonSql> = {
  sqlite: {
    read: (exam, column, path) => `json_extract(${column}, ${dollarPath(exam, path)})`,
    write: (exam, column, path, value) => `json_set(${column}, ${dollarPath(exam, path)}, ${value})`,
    length: (exam, column, path) => `json_array_length(${column}, ${dollarPath(exam, path)})`,
  },
  mysql: {
    read: (exam, column, path) => `json_unquote(nullif(json_extract(${column}, ${dollarPath(exam, path)}), 'null'))`,
    write: (exam, column, path, value) => `json_set(${column}, ${dollarPath(exam, path)}, ${value})`,
    length: (exam, column, path) => `json_length(${column}, ${dollarPath(exam, path)})`,
  },
  postgresql: {
    read: (exam, column, path) => `(${column}::jsonb #>> ${arrayPath(exam, path)})`,
    write: (exam, column, path, value, type) =>
      `jsonb_set(${column}::jsonb, ${arrayPath(exam, path)}, to_jsonb((${value})::text))::${type}`,
    length: (exam, column, path) => {
      const place = `(${column}::jsonb #> ${arrayPath(exam, path)})`;
      return `case when jsonb_typeof(${place}) = 'array' then jsonb_array_length(${place}) end`;
    },
  },
};
