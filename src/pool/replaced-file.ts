/** How long a handle may go on with a file that is no longer there, in ms. */
const LOOK = 1_000;

/**
 * Tells when `file` has become another one, restored from a backup, say: handles go on with the one that they opened. Not
 * as long as the write-ahead log of the old one lies beside it: SQLite would write that into the new one.
 */
export function watchReplacement(file: string): () => boolean {
  let opened: string | undefined;
  let log: string | undefined;
  let looked = -Infinity;
  return () => {
    const now = performance.now();
    if (now - looked < LOOK) {
      return false;
    }
    looked = now;
    const found = identify(file);
    const foundLog = identify(`${file}-wal`);
    if (opened === undefined || found === opened) {
      opened = found;
      log = foundLog;
      return false;
    }
    // while it is moved, there may be none; and a log that was never seen beside the old file may be the old one's
    if (found === undefined || (foundLog !== undefined && (log === undefined || foundLog === log))) {
      return false;
    }
    opened = found;
    log = foundLog;
    return true;
  };
}

function identify(file: string): string | undefined {
  const { statSync } = process.getBuiltinModule('node:fs');
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}
