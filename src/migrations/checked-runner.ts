import type { Transaction } from '@mikro-orm/core';
import { MigrationRunner, type Migration } from '@mikro-orm/migrations';
import type { ForeignKeyGuard } from './foreign-keys.js';

/** MikroORM's runner, which also looks at the references around each migration, and runs all of it in the schema of a run. */
export class CheckedRunner extends MigrationRunner {
  guard: ForeignKeyGuard | undefined;
  #run: Transaction | undefined;
  #schema: string | undefined;

  override async run(
    migration: Migration,
    method: 'up' | 'down',
    afterRun?: (tx?: Transaction) => Promise<void>,
  ): Promise<void> {
    await this.guard?.prepare(migration, this.#run);
    this.#enterSchema(migration, method);
    await super.run(migration, method, async tx => {
      if (!this.#run) {
        await this.guard?.assertWhole(tx); // else once, at the end of the run
      }
      await afterRun?.(tx);
    });
  }

  override setMasterMigration(transaction: Transaction): void {
    this.#run = transaction;
    super.setMasterMigration(transaction);
  }

  override unsetMasterMigration(): void {
    this.#run = undefined;
    super.unsetMasterMigration();
  }

  override setRunSchema(schema?: string): void {
    super.setRunSchema(schema);
    this.#schema = schema;
  }

  override unsetRunSchema(): void {
    super.unsetRunSchema();
    this.#schema = undefined;
  }

  /** MikroORM enters it for `addSql()` only: what `execute()` and the EntityManager do came before that, elsewhere. */
  #enterSchema(migration: Migration, method: 'up' | 'down'): void {
    const helper = (this.driver.getPlatform() as unknown as PlatformInternals).getSchemaHelper();
    const schema = this.#schema && helper.resolveMigrationSchema(this.#schema);
    if (!schema) {
      return;
    }
    const work = migration[method].bind(migration);
    migration[method] = async () => {
      await migration.execute(helper.getSetSchemaSQL(schema));
      await work();
    };
  }
}

// Not public API: test/migrations/schemas.test.ts holds MikroORM to it.
interface PlatformInternals {
  getSchemaHelper(): {
    resolveMigrationSchema(schema: string): string | undefined;
    getSetSchemaSQL(schema: string): string;
  };
}
