import { ReferenceKind, type EntityMetadata, type EntityProperty } from '@mikro-orm/core';
import type { DatabaseTable } from '@mikro-orm/sql';
import { embeddableValues } from '../migrations/discriminator-columns.js';
import { looksMinifiedValue } from '../migrations/schema-probe.js';
import { judgeUsed } from './discriminator-evidence.js';
import { decide, type Answers } from './discriminator-values.js';
import { keyOf, type Examination } from './examination.js';
import { caseOf } from './hierarchy.js';
import { JSON_OF } from './json-sql.js';

/** Embedded objects of several classes in a JSON column. */
interface JsonPlace {
  readonly name: string;
  readonly table: string;
  readonly column: string;
  /** Where in the column the object is, or the array of objects. */
  readonly path: readonly string[];
  readonly isArray: boolean;
  /** The key of the discriminator. */
  readonly key: string;
  /** The keys that the class of each value has. */
  readonly owned: ReadonlyMap<string, readonly string[]>;
}

/** An array is examined item by item; above this length it takes a person. */
const MAX_ITEMS = 100;

/** D6 within JSON. Not looked at: objects of several classes within the items of an array. */
export async function examineJson(exam: Examination, answers: Answers): Promise<void> {
  const seen = new Set<string>();
  for (const place of exam.metadata.flatMap(meta => meta.props.flatMap(prop => placesOf(meta, prop)))) {
    const target = exam.target.getTables().find(table => table.name === place.table);
    const actual = target && exam.actualTable(target);
    const where = [`${target && keyOf(target)}.${place.column}`, ...place.path, place.key].join('->');
    if (target && actual?.hasColumn(exam.currentColumn(target, place.column)) && !seen.has(where)) {
      seen.add(where);
      await examinePlace(exam, place, { target, actual, where }, answers);
    }
  }
}

function placesOf(meta: EntityMetadata, prop: EntityProperty): JsonPlace[] {
  const { polymorphs, discriminatorColumn } = prop.targetMeta ?? {};
  const path = prop.embeddedProps?.[discriminatorColumn as string]?.embeddedPath;
  const parent = prop.embedded && meta.properties[prop.embedded[0] as never];
  const isJson = prop.kind === ReferenceKind.EMBEDDED && polymorphs && (prop.object || prop.array) && path;
  if (!isJson || isInArray(meta, parent)) {
    return [];
  }
  const keyIn = (name: string): string => prop.embeddedProps[name]?.embeddedPath?.at(-1) ?? name;
  return [
    {
      name: `${meta.className}.${prop.name.replaceAll('~', '.')}`,
      table: meta.tableName,
      column: path[0]!,
      path: path.slice(1, -1),
      isArray: prop.array === true,
      key: path.at(-1)!,
      owned: new Map(embeddableValues(polymorphs).map(([value, names]) => [value, names.map(keyIn)])),
    },
  ];
}

function isInArray(meta: EntityMetadata, prop: EntityProperty | undefined): boolean {
  return (
    prop !== undefined &&
    (prop.array === true || isInArray(meta, prop.embedded && meta.properties[prop.embedded[0] as never]))
  );
}

interface Tables {
  readonly target: DatabaseTable;
  readonly actual: DatabaseTable;
  readonly where: string;
}

async function examinePlace(
  exam: Examination,
  place: JsonPlace,
  { target, actual, where }: Tables,
  answers: Answers,
): Promise<void> {
  const json = JSON_OF[exam.dialect];
  const values = [...place.owned.keys()];
  const shared = [...place.owned.values()];
  const telling = [...new Set(shared.flat())].filter(key => !shared.every(keys => keys.includes(key)));
  const current = exam.quote(exam.currentColumn(target, place.column));
  const length = place.isArray ? await readLength(exam, json.length(exam, current, place.path), actual) : 1;
  const counts = new Map<string, number>();
  const used = new Map<string, Set<string>>();
  const paths: (readonly string[])[] = [];
  for (let i = 0; i < Math.min(length, MAX_ITEMS); i++) {
    const path = place.isArray ? [...place.path, String(i)] : place.path;
    const read = (key: string): string => json.read(exam, current, [...path, key]);
    const sums = telling.map((key, item) => `, count(${read(key)}) as c${item}`).join('');
    const rows = await exam.select<Record<string, string | number | null>>(
      `select v, sum(n) as n${telling.map((_, item) => `, sum(c${item}) as c${item}`).join('')} from
        (select ${read(place.key)} as v, count(*) as n${sums} from ${actual.getQuotedName()} group by ${read(place.key)}) as found
        where v is not null group by v`,
    );
    for (const row of rows) {
      const value = String(row['v']);
      counts.set(value, (counts.get(value) ?? 0) + Number(row['n']));
      const keys = used.get(value) ?? new Set();
      used.set(value, keys);
      telling.filter((_, item) => Number(row[`c${item}`]) > 0).forEach(key => keys.add(key));
    }
    paths.push(path);
  }
  const { known, isUnsure } = await decide(
    exam,
    {
      kind: 'embeddable',
      name: place.name,
      where,
      unit: 'objects',
      values,
      counts,
      isMinified: looksMinifiedValue,
      judge: value => judgeUsed(values, place.owned, telling, [...(used.get(value) ?? [])]),
    },
    answers,
  );
  if (known.size === 0 || isUnsure) {
    return;
  }
  if (length > MAX_ITEMS) {
    exam.questions.push(
      `${where} has arrays of up to ${length} items. Give their objects these values by a script, then run the doctor again: ${[...known].map(([from, to]) => `${from} is ${to}`).join(', ')}.`,
    );
    return;
  }
  const column = exam.quote(place.column);
  const wrong = [...known.keys()].map(value => exam.value(value)).join(', ');
  const type = actual.getColumn(exam.currentColumn(target, place.column))!.type;
  for (const path of paths.map(item => [...item, place.key])) {
    const value = json.read(exam, column, path);
    const changed = json.write(exam, column, path, caseOf(exam, value, known), type);
    exam.repair.add(
      'discriminator',
      `update ${target.getQuotedName()} set ${column} = ${changed} where ${value} in (${wrong})`,
    );
  }
}

async function readLength(exam: Examination, expression: string, table: DatabaseTable): Promise<number> {
  const [row] = await exam.select<{ n: number | string | null }>(
    `select max(${expression}) as n from ${table.getQuotedName()}`,
  );
  return Number(row?.n ?? 0);
}
