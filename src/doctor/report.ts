/** What the doctor found: the shape of `doctor --json`. */
export interface DoctorReport {
  /** Whether nothing is wrong; warnings alone leave it true. */
  ok: boolean;
  findings: Finding[];
  /** For `explicitMigrations(migrations, { renamed })`. */
  renamed?: Record<string, string | string[]>;
  repair: {
    /** Complete and in order, with its own `begin` and `commit` where the database has transactions for it. */
    sql: string[];
    /** The same as the source of a migration, without the recorded names: a run repairs those by `renamed`, before it starts. */
    migration?: string;
    /** What only a person can tell. There is no SQL for it. */
    questions: string[];
  };
}

export interface Finding {
  id: FindingId;
  severity: 'error' | 'warning';
  /** What was seen, and why it matters. */
  message: string;
  evidence?: string[];
  /** What to do. */
  fix: string;
}

export type FindingId =
  | 'recorded-names'
  | 'no-migrations-table'
  | 'table-name'
  | 'leftover-table'
  | 'join-column'
  | 'foreign-key'
  | 'discriminator'
  | 'check'
  | 'unlisted-entity'
  | 'bare-entities'
  | 'bare-migrations'
  | 'entity-folders'
  | 'migration-folder'
  | 'no-migrator'
  | 'node-version'
  | 'package-versions'
  | 'core-copies'
  | 'edge-runtime'
  | 'next-bundling'
  | 'debug'
  | 'pool-maximum'
  | 'pooler-settings'
  | 'pooler-session'
  | 'transaction-pooling';

/** The report as text, for a terminal. */
export function formatReport({ findings, renamed, repair }: DoctorReport, notes: readonly string[] = []): string {
  if (findings.length === 0) {
    return 'Nothing is wrong.';
  }
  const parts = findings.map(({ id, severity, message, evidence, fix }) =>
    [`${severity} ${id}: ${message}`, ...(evidence ?? []).map(line => `  seen: ${line}`), `  fix: ${fix}`].join('\n'),
  );
  if (repair.questions.length > 0) {
    parts.push(['Questions, for which there is no SQL yet:', ...repair.questions.map(line => `- ${line}`)].join('\n'));
  }
  if (renamed) {
    parts.push(`The recorded names, for the config:\n\n  renamed: ${formatRenamed(renamed)}`);
  }
  if (repair.sql.length > 0) {
    const head = [
      'The repair as SQL. Make a backup first, stop the app, run all of it on one connection, then run the doctor again:',
      ...notes,
    ].join('\n');
    parts.push(`${head}\n\n${repair.sql.map(line => `${line};`).join('\n')}`);
  }
  if (repair.migration) {
    parts.push(
      `The same as a migration, without the recorded names: \`renamed\` repairs those when a run starts. Use one of the two.\n\n${repair.migration}`,
    );
  }
  return parts.join('\n\n');
}

/** As it is written in a config. */
export function formatRenamed(renamed: Record<string, string | string[]>): string {
  const entries = Object.entries(renamed).map(([from, to]) => {
    const names = Array.isArray(to) ? `[${to.map(name => `'${name}'`).join(', ')}]` : `'${to}'`;
    return `${/^[A-Za-z_$][\w$]*$/.test(from) ? from : `'${from}'`}: ${names}`;
  });
  return `{ ${entries.join(', ')} }`;
}
