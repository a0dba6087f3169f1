import type { DatabaseSync } from 'node:sqlite';
import { OrmConfigError } from '../../errors.js';
import type { DatabaseLock } from './database-lock.js';

/**
 * An exclusive lock on a database beside the file, which stays empty: one on the file itself would keep migrations out. The
 * system frees it with the process. Node's own SQLite serves libSQL, too, whose handles do not let go of a lock.
 */
export function openFileLock(file: string): DatabaseLock {
  const path = `${file}-migration-lock`;
  const database = openFile(path);
  return {
    async tryAcquire() {
      try {
        database.exec('begin exclusive');
        return true;
      } catch (error) {
        if ((error as { errcode?: unknown }).errcode === 5) {
          return false; // SQLITE_BUSY
        }
        throw error;
      }
    },
    findHolder: async () => `one of the processes that have ${path} open (\`fuser\` lists them) has it`,
    touch: async () => undefined,
    close: async () => database.close(),
  };
}

function openFile(path: string): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite');
  try {
    return new sqlite.DatabaseSync(path, { timeout: 0 });
  } catch (cause) {
    throw new OrmConfigError(`The lock for migrations cannot be opened, ${path}: let the app write to its folder.`, {
      cause,
    });
  }
}
