import type { Dialect } from './dialect.js';

/** The parts of a repair, in the order in which they run: each relies on those before it. */
const PHASES = [
  'recordedNames',
  'rebuild', // SQLite, while tables and columns still have their old names
  'dropForeignKey',
  'typeColumn', // while the tables that it names can be seen
  'renameTable',
  'renameColumn',
  'renameConstraint',
  'dropCheck',
  'discriminator',
  'addCheck',
  'addForeignKey',
  'migrationLog',
  'dropLeftover',
] as const;
export type Phase = (typeof PHASES)[number];

const NO_DDL: ReadonlySet<Phase> = new Set(['recordedNames', 'typeColumn', 'discriminator'] as const);

/** A SQLite table that is rebuilt: all that SQLite has of it. */
export interface Rebuild {
  readonly ddl: string;
  readonly columns: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  /** Indexes and triggers, which go with the old table. */
  readonly others: readonly string[];
  readonly autoincrement: boolean;
}

/** Collects the statements of the detections, and puts them in order. */
export class Repair {
  readonly #dialect: Dialect;
  readonly #statements = new Map<Phase, string[]>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  add(phase: Phase, ...sql: string[]): void {
    if (sql.length === 0) {
      return;
    }
    this.#statements.set(phase, [...(this.#statements.get(phase) ?? []), ...sql]);
  }

  get isEmpty(): boolean {
    return this.#statements.size === 0;
  }

  /** All statements, in one transaction where the database has them for DDL. */
  get sql(): string[] {
    return this.isEmpty ? [] : [...this.#opening, ...this.#body(PHASES), ...this.#closing];
  }

  /**
   * The source of a migration that does the same, but for what must be right before a migration can run at all.
   * Undefined if nothing is left.
   */
  get migration(): string | undefined {
    const statements = this.#body(PHASES.filter(phase => phase !== 'recordedNames' && phase !== 'migrationLog'));
    if (statements.length === 0) {
      return undefined;
    }
    const dialect = this.#dialect;
    const outside = dialect !== 'postgresql';
    const lines = dialect === 'sqlite' ? this.#inTransaction(statements) : statements.map(sql => execute(sql));
    return [
      "import { Migration } from '@mikro-orm/migrations';",
      '',
      'export class MigrationXXXXXXXXXXXXXX extends Migration {',
      "  override name = 'MigrationXXXXXXXXXXXXXX'; // the time, as migration:create writes it",
      ...(outside
        ? [
            '',
            `  // ${dialect === 'sqlite' ? 'its pragma works outside of transactions only, and it has a transaction of its own' : 'the database commits after each statement that changes a table'}`,
            '  override isTransactional(): boolean {',
            '    return false;',
            '  }',
          ]
        : []),
      '',
      '  override async up(): Promise<void> {',
      ...lines,
      '  }',
      '}',
      '',
    ].join('\n');
  }

  /** What to know before it is run. */
  get notes(): string[] {
    if (this.#rebuilds) {
      return ['If a statement fails, or `pragma foreign_key_check` returns a row, run `rollback` instead of the rest.'];
    }
    return this.#dialect === 'mysql' && this.#statements.size > 0
      ? [
          'MariaDB and MySQL have no transaction for statements that change tables: each is committed by itself. If one fails, run the doctor again; it prints what is left.',
        ]
      : [];
  }

  /** SQLite: the lines of `up()`, which has its transaction to itself. */
  #inTransaction(statements: readonly string[]): string[] {
    return [
      ...this.#opening.map(sql => execute(sql)),
      '    try {',
      ...statements.map(sql => execute(sql, '      ')),
      "      const broken = await this.execute('pragma foreign_key_check');",
      '      if (broken.length > 0) {',
      '        throw new Error(`Rows lack their parents: ${JSON.stringify(broken)}`);',
      '      }',
      "      await this.execute('commit');",
      '    } catch (error) {',
      "      await this.execute('rollback');",
      '      throw error;',
      '    } finally {',
      "      await this.execute('pragma foreign_keys = on');",
      '    }',
    ];
  }

  get #rebuilds(): boolean {
    return this.#statements.has('rebuild');
  }

  get #opening(): string[] {
    if (this.#dialect === 'sqlite') {
      // inside of a transaction the pragma does nothing, and dropping a rebuilt table would delete the rows that refer to it
      return [...(this.#rebuilds ? ['pragma foreign_keys = off'] : []), 'begin immediate'];
    }
    return this.#dialect === 'postgresql' || !this.#hasDdl ? ['begin'] : [];
  }

  get #closing(): string[] {
    if (this.#dialect === 'sqlite') {
      return [
        ...(this.#rebuilds ? ['pragma foreign_key_check'] : []),
        'commit',
        ...(this.#rebuilds ? ['pragma foreign_keys = on'] : []),
      ];
    }
    return this.#opening.length > 0 ? ['commit'] : [];
  }

  get #hasDdl(): boolean {
    return [...this.#statements.keys()].some(phase => !NO_DDL.has(phase));
  }

  #body(phases: readonly Phase[]): string[] {
    return phases.flatMap(phase => this.#statements.get(phase) ?? []);
  }
}

function execute(sql: string, indent = '    '): string {
  return `${indent}await this.execute(\`${sql.replace(/[\\`]|\$\{/g, '\\$&')}\`);`;
}
