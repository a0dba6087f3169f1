import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { AnyOrm } from '../../orm-source.js';
import { withMigrationLock } from '../../migrations/lock/migration-lock.js';
import { MARK_TABLE, newMark, readMark, type Mark, type TestStore } from './test-store.js';

/** Files of SQLite or libSQL, which a table marks. `lock` is an ORM of the file that processes agree on; it is not opened. */
export function sqliteStore(lock: AnyOrm, base: string): TestStore {
  const folder = dirname(resolve(base));
  mkdirSync(folder, { recursive: true });

  const drop = async (name: string): Promise<void> => {
    for (const suffix of ['', '-wal', '-shm', '-journal']) {
      rmSync(name + suffix, { force: true });
    }
  };
  const find = async (name: string): Promise<Mark | 'foreign' | undefined> =>
    existsSync(name) ? (markOf(name) ?? 'foreign') : undefined;

  return {
    base,
    longest: Infinity,
    find,
    async list() {
      const files = readdirSync(folder).filter(
        file => file.startsWith(basename(base)) && !/-(?:wal|shm|journal)$/.test(file),
      );
      return files.flatMap(file => {
        const name = base.slice(0, -basename(base).length) + file;
        const mark = markOf(name);
        return mark ? [{ name, mark }] : [];
      });
    },
    async build(name, migrate) {
      setMark(name, newMark('template', false));
      await migrate({ dbName: name });
      setMark(name, newMark('template', true));
    },
    async copy(template, name) {
      const unfinished = `${name}.${process.pid}`;
      copyFileSync(template, unfinished, constants.COPYFILE_FICLONE);
      setMark(unfinished, newMark('copy', true));
      renameSync(unfinished, name);
    },
    drop,
    overrides: async dbName => ({ dbName }),
    exclusively: work => withMigrationLock(lock, {}, work),
    close: () => lock.close(),
  };
}

function withFile<T>(name: string, work: (file: import('node:sqlite').DatabaseSync) => T): T {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const file = new DatabaseSync(name);
  try {
    return work(file);
  } finally {
    file.close();
  }
}

function markOf(name: string): Mark | undefined {
  try {
    return withFile(name, file => readMark(file.prepare(`select mark from ${MARK_TABLE}`).get()?.['mark']));
  } catch {
    return undefined; // no such table, or no database
  }
}

function setMark(name: string, mark: Mark): void {
  withFile(name, file => {
    file.exec(`create table if not exists ${MARK_TABLE} (mark text); delete from ${MARK_TABLE}`);
    file.prepare(`insert into ${MARK_TABLE} values (?)`).run(JSON.stringify(mark));
  });
}
