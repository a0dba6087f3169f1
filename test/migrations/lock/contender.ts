// A process that takes the lock of a file again and again, and tells what it saw; as another user, where it is told so.

import { mkdirSync, rmdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import type * as FileLock from '../../../src/migrations/lock/file.js';

export interface Contest {
  /** The database file, whose lock it is. */
  file: string;
  rounds: number;
  uid?: number;
  /** Holds the lock until the process ends. */
  keep?: boolean;
}

// sources import each other as `.js`
registerHooks({
  resolve: (name, context, next) =>
    next(context.parentURL?.includes('/src/') ? name.replace(/^(\..*)\.js$/, '$1.ts') : name, context),
});
const { openFileLock } = (await import('../../../src/migrations/lock/file.ts' as string)) as typeof FileLock;

async function contend({ file, rounds, uid, keep }: Contest): Promise<string> {
  if (uid !== undefined) {
    process.setuid!(uid);
  }
  for (let round = 0; round < rounds; round++) {
    const lock = openFileLock(file);
    try {
      while (!(await lock.tryAcquire())) {
        await setImmediate();
      }
      if (keep) {
        return 'holds it';
      }
      // throws where another process is inside
      mkdirSync(`${file}-inside`);
      await setImmediate();
      rmdirSync(`${file}-inside`);
    } finally {
      await (!keep && lock.close());
    }
  }
  return 'done';
}

process.on('message', (contest: Contest) => {
  contend(contest).then(
    answer => process.send!(answer),
    (error: Error) => process.send!(`${error.name}: ${error.message}`),
  );
});
process.send!('ready');
