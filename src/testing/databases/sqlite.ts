import { bare } from '../statements.js';
import type { Run, SandboxDatabase } from './sandbox-database.js';

const DEFERRED = `select 1 as found from sqlite_master where sql like '%initially%deferred%' limit 1`;

/** SQLite and libSQL. */
export function sqliteSandbox(): SandboxDatabase {
  let isDeferred: boolean | undefined;
  /** Whether this transaction has deferred all of its checks. */
  let isSwitched = false;
  let before: ReadonlySet<string> | undefined;

  const violations = async (run: Run): Promise<ReadonlySet<string>> =>
    new Set((await run('pragma foreign_key_check')).map(row => JSON.stringify(Object.values(row))));

  return {
    syntax: 'standard',
    open: ['begin'],
    undo: ['rollback'],
    failsAsWhole: false,
    takesScripts: false,
    hasReadOnly: false,
    hasIsolation: false,
    // within a transaction, SQLite ignores the one, and has the other
    replace(statement) {
      const [, value] = /^pragma\s+foreign_keys\s*(?:=|\()\s*'?(\w+)/i.exec(bare(statement)) ?? [];
      return value && `pragma defer_foreign_keys = ${/^(?:off|no|false|0)$/i.test(value) ? 'on' : 'off'}`;
    },
    async beforeTransaction(run) {
      isSwitched = false;
      isDeferred ??= (await run(DEFERRED)).length > 0;
      if (isDeferred) {
        before ??= await violations(run);
      }
    },
    async beforeStatement({ sql }, run) {
      if (/\bpragma\s+defer_foreign_keys\b/i.test(sql)) {
        isSwitched = true;
        before ??= await violations(run);
      }
    },
    noteStatement(sql) {
      if (/\b(?:create|alter|drop)\b/i.test(sql)) {
        isDeferred = undefined;
      }
    },
    // a savepoint that is released leaves deferred checks to COMMIT
    async beforeCommit(run) {
      isDeferred ??= (await run(DEFERRED)).length > 0;
      const [row] = isDeferred || isSwitched ? await run('pragma foreign_keys') : [];
      if (row && Number(Object.values(row)[0]) === 1) {
        const now = await violations(run);
        if ([...now].some(violation => !before?.has(violation))) {
          throw Object.assign(new Error('FOREIGN KEY constraint failed'), {
            name: 'SqliteError',
            code: 'SQLITE_CONSTRAINT_FOREIGNKEY',
          });
        }
        before = now;
      }
      return isSwitched ? ['pragma defer_foreign_keys = off'] : [];
    },
    hasLost: handle => (handle as { inTransaction?: boolean } | undefined)?.inTransaction === false,
  };
}
