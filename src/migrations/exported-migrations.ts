/** A migration class as a module exports it. */
export interface ExportedMigration {
  /** The name to list it under. */
  readonly name: string;
  /** The export: a name, `default`, or undefined for `module.exports` itself. */
  readonly exported: string | undefined;
}

interface Candidate extends ExportedMigration {
  /** The name inside of the module: one class may be exported twice. */
  readonly local: string;
  /** What stands between the name of a class and its body; undefined for what is not known to be a class. */
  readonly heritage: string | undefined;
}

const ID = '[\\p{ID_Start}$_][\\p{ID_Continue}$]*';
const CLASS = `class\\b(?:\\s+(?!extends\\b)(${ID}))?([^{]*)\\{`;

/**
 * Finds the migrations that a module exports, by its text. An export counts if it was `listed` before, if it has the name of
 * the file or one such as `Migration20260101`, or if it is a class that extends some Migration; else the only class does.
 * Nothing is found where that does not tell.
 */
export function exportedMigrations(source: string, fileName: string, listed: ReadonlySet<string>): ExportedMigration[] {
  const candidates = readExports(stripText(source), fileName);
  const found = candidates.filter(
    ({ name, heritage }) =>
      listed.has(name) || name === fileName || /^Migration\d/.test(name) || /Migration/.test(heritage ?? ''),
  );
  const classes = candidates.filter(({ heritage }) => heritage !== undefined);
  return found.length > 0 || classes.length !== 1 ? found : classes;
}

/** Whether a module may hold a migration. */
export function mentionsMigration(source: string, fileName: string): boolean {
  return /Migration/.test(fileName) || /Migration/.test(stripText(source));
}

/** Without comments and without what stands in strings, which may look like code: migrations are full of SQL. */
function stripText(source: string): string {
  return source.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[^])*`|\/\/.*|\/\*[^]*?\*\//g, match =>
    match.startsWith('/') ? ' ' : `''`,
  );
}

function readExports(text: string, fileName: string): Candidate[] {
  const found: Candidate[] = [];
  const matches = (pattern: string): IterableIterator<RegExpExecArray> => text.matchAll(new RegExp(pattern, 'gu'));
  const declared = new Map<string, string>();
  for (const [, name, heritage] of matches(`(?<!abstract\\s+)${CLASS}`)) {
    if (name !== undefined) {
      declared.set(name, heritage!);
    }
  }
  const add = (exported: string | undefined, local: string, heritage = declared.get(local)): void => {
    const isNamed = exported !== undefined && exported !== 'default';
    found.push({ name: isNamed ? exported : local, exported, local, heritage });
  };
  /** `a, b as c` of ES modules, `a, c: b` of CommonJS. */
  const addList = (list: string, entry: RegExp, isReversed: boolean): void => {
    for (const item of list.split(',')) {
      const [, left, right = left] = entry.exec(item.trim()) ?? [];
      if (left !== undefined) {
        add(isReversed ? left : right, isReversed ? right! : left);
      }
    }
  };

  for (const [, isDefault, name = fileName, heritage] of matches(`export\\s+(default\\s+)?${CLASS}`)) {
    add(isDefault ? 'default' : name, name, heritage);
  }
  for (const [, name, , heritage] of matches(`export\\s+(?:const|let|var)\\s+(${ID})[^=;]*(?:=\\s*${CLASS})?`)) {
    add(name, name!, heritage);
  }
  for (const [, list] of matches('export\\s*\\{([^}]*)\\}')) {
    addList(list!, new RegExp(`^(${ID})(?:\\s+as\\s+(${ID}))?$`, 'u'), false);
  }
  for (const [, name] of matches(
    `export\\s+default\\s+(?!(?:class|abstract|function|async|interface|new)\\b)(${ID})\\s*(?:;|\\n|$)`,
  )) {
    add('default', name!);
  }
  for (const [, name, local, heritage, value] of matches(`\\bexports\\.(${ID})\\s*=\\s*(?:${CLASS}|(${ID}))?`)) {
    add(name, local ?? value ?? name!, heritage);
  }
  for (const [, list] of matches('\\bmodule\\.exports\\s*=\\s*\\{([^}]*)\\}')) {
    addList(list!, new RegExp(`^(${ID})(?:\\s*:\\s*(${ID}))?$`, 'u'), true);
  }
  for (const [, name, heritage, value] of matches(`\\bmodule\\.exports\\s*=\\s*(?:${CLASS}|(${ID}))`)) {
    add(undefined, name ?? value ?? fileName, heritage);
  }
  return withoutTwins(found);
}

/** Each class once, by name where it has one; a name that is assigned twice, as `exports.X = void 0` first, counts once. */
function withoutTwins(found: readonly Candidate[]): Candidate[] {
  const sorted = found.toSorted((a, b) => rank(a) - rank(b));
  const kept = sorted.filter(
    (one, i) => sorted.findIndex(other => other.name === one.name || other.local === one.local) === i,
  );
  return found.filter(one => kept.includes(one));
}

/** What of two exports of one class is kept: what is known as a class, by a name of its own. */
function rank({ heritage, exported }: Candidate): number {
  return (heritage === undefined ? 2 : 0) + (exported === undefined || exported === 'default' ? 1 : 0);
}
