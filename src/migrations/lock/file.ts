import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, closeSync, linkSync, openSync, rmSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { OrmConfigError } from '../../errors.js';
import type { DatabaseLock, LockState } from './database-lock.js';

/**
 * Opens the lock of a database file (SQLite, libSQL): an exclusive lock on an empty database beside it, `.app.db-migration-lock`;
 * one on the file itself would keep migrations out. The system frees it with the process. Node's own SQLite serves
 * libSQL, too, whose handles do not let go of a lock.
 *
 * The file lies beside the database, and not with temporary files, because that is the only folder that all processes with
 * access to the database share: containers on one volume have a `/tmp` each, and would not see each other's lock.
 *
 * It is removed on release. That needs care: a process that waits may have the removed file open, and would lock that one
 * while another process locks the file that is new. So
 * 1. only the holder removes the path, and it still holds the lock then;
 * 2. a process holds the lock when it has locked a file and the path still leads to that file; else it opens the path again.
 * From 1 and 2 the path leads to the file of the holder for as long as it holds the lock, and nobody else passes 2.
 * For 2 a process has to know which file it has open, and SQLite does not tell. It opens the file by a hard link of its own,
 * of which it knows the inode; the number is not given away while the file is open.
 */
export function openFileLock(file: string): DatabaseLock {
  const path = lockPath(file);
  let opened: OpenFile | undefined;
  let held = false;

  function tryAcquire(): boolean {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const isFresh = opened === undefined;
      opened ??= openFile(path, file);
      const state = lockFile(opened.database);
      if (state === 'busy') {
        return false;
      }
      if (state === 'locked' && isSame(opened.identity, identify(path))) {
        return true;
      }
      opened.database.close();
      opened = undefined;
      if (state === 'read-only' && isFresh) {
        throw cannotWrite(path);
      }
    }
    return false;
  }

  return {
    tryAcquire: async () => (held = tryAcquire()),
    findHolder: async () => describeHolder(path),
    touch: async () => undefined,
    isLost: () => false, // nobody else can take it away
    onLost: () => undefined,
    async close() {
      try {
        // a process that gives up while nobody holds the lock leaves no file, either
        if ((held || (opened && tryAcquire())) && opened?.isLinked) {
          rmSync(path, { force: true });
        }
      } catch {
        // it stays, and the next process takes it
      } finally {
        opened?.database.close();
        opened = undefined;
        held = false;
      }
    },
  };
}

const lockPath = (file: string): string => join(dirname(file), `.${basename(file)}-migration-lock`);

const describeHolder = (path: string): string =>
  `one of the processes that have ${path} open (\`fuser\` lists them) holds it`;

/** Looks at that lock: nobody can read the file while it is held. */
export function lookAtFileLock(file: string): LockState {
  const path = lockPath(file);
  if (!identify(path)) {
    return { held: false };
  }
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const database = new DatabaseSync(path, { timeout: 0, readOnly: true });
  try {
    database.prepare('select count(*) from sqlite_master').get();
    return { held: false };
  } catch (error) {
    if (isBusy(error)) {
      return { held: true, holder: describeHolder(path) };
    }
    throw error;
  } finally {
    database.close();
  }
}

const isBusy = (error: unknown): boolean => (Number((error as { errcode?: unknown }).errcode) & 0xff) === 5;

/** How often another process may get in between, one after the other, before this one waits for its next turn. */
const ATTEMPTS = 20;

/** A lock file as a handle has it open. */
interface OpenFile {
  readonly database: DatabaseSync;
  readonly identity: BigIntStats;
  /** Whether `identity` is certain: otherwise the file stays. */
  readonly isLinked: boolean;
}

const identify = (path: string): BigIntStats | undefined => statSync(path, { bigint: true, throwIfNoEntry: false });

const isSame = (one: BigIntStats, other: BigIntStats | undefined): boolean =>
  one.ino === other?.ino && one.dev === other.dev;

/** Takes the lock of SQLite, and writes: of a file that it cannot write, `begin exclusive` locks nothing. */
function lockFile(database: DatabaseSync): 'locked' | 'busy' | 'read-only' {
  try {
    // in memory, for no journal lies beside the file then; nothing is ever committed
    database.exec('pragma journal_mode = memory; begin exclusive; pragma user_version = 1');
    return 'locked';
  } catch (error) {
    switch (Number((error as { errcode?: unknown }).errcode) & 0xff) {
      case 5: // SQLITE_BUSY
        return 'busy';
      case 8: // SQLITE_READONLY
        return 'read-only';
      default:
        throw error;
    }
  }
}

function openFile(path: string, file: string): OpenFile {
  const link = `${path}-${randomUUID()}`;
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const open = (name: string): DatabaseSync => new DatabaseSync(name, { timeout: 0 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS && linkFile(path, link, file); attempt++) {
      const identity = identify(link)!;
      // else the path leads to another file by now, or the file system gives each name a number
      if (isSame(identity, identify(path))) {
        return { identity, database: open(link), isLinked: true };
      }
      rmSync(link);
    }
    for (let attempt = 0; ; attempt++) {
      const before = identify(path);
      const database = open(path);
      const identity = identify(path);
      if (identity && ((before && isSame(before, identity)) || attempt === ATTEMPTS)) {
        return { identity, database, isLinked: false };
      }
      database.close();
    }
  } catch (cause) {
    throw cannotWrite(path, cause);
  } finally {
    rmSync(link, { force: true });
  }
}

/**
 * Makes `link` a second name of the file at `path`, which is created where it is missing. False where that does not work: on
 * Windows, on a file system without hard links, or where the link could not be removed: in a sticky folder, `/tmp` say, it
 * belongs to the owner of the file.
 */
function linkFile(path: string, link: string, file: string): boolean {
  const isSticky = ((identify(dirname(path))?.mode ?? 0n) & 0o1000n) !== 0n;
  for (;;) {
    const there = identify(path);
    if (process.platform === 'win32' || (there && isSticky && Number(there.uid) !== process.getuid?.())) {
      return false;
    }
    const failed = tryLink(path, link);
    if (failed !== 'ENOENT') {
      return failed === undefined;
    }
    // created under the other name: to open and close `path` would end the locks that this process has on it (POSIX)
    createFile(link, identify(file));
    const raced = tryLink(link, path);
    if (raced === undefined) {
      return true;
    }
    rmSync(link);
    if (raced !== 'EEXIST') {
      return false;
    }
  }
}

/** Links, and returns why it cannot, or undefined. */
function tryLink(from: string, to: string): string | undefined {
  try {
    linkSync(from, to);
    return undefined;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** Creates a file that those may write who may write the database, as SQLite does with its journals. */
function createFile(path: string, like: BigIntStats | undefined): void {
  closeSync(openSync(path, 'wx'));
  if (like) {
    chmodSync(path, Number(like.mode & 0o666n));
    try {
      chownSync(path, Number(like.uid), Number(like.gid));
    } catch {
      // only root may
    }
  }
}

function cannotWrite(path: string, cause?: unknown): OrmConfigError {
  return new OrmConfigError(
    `The lock for migrations cannot be taken: this process cannot write ${path}. Let it write to the folder, and to that file where another user left one behind.`,
    { cause },
  );
}
