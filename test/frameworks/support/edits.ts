import { expect, vi } from 'vitest';
import type { AppCopy } from './app.js';
import type { AppDatabase } from './database.js';
import type { AppServer } from './server.js';

const EDITS = Number(process.env['EDITS'] ?? 10);
const POOL_EDITS = 5;

/** Edits the entities, then the settings of the pool, while requests go on; returns a few words for the table. */
export async function editUnderLoad(copy: AppCopy, server: AppServer, database: AppDatabase): Promise<string> {
  const failures: string[] = [];
  let requests = 0;

  /** The edit that serves; a request that fails is one too many. */
  const visit = async (): Promise<number> => {
    requests++;
    const { status, text } = await server.get('/api/edited');
    const { edit = -1, mapped } = status === 200 ? (JSON.parse(text) as { edit?: number; mapped?: boolean }) : {};
    if (!mapped) failures.push(`${status} ${text.slice(0, 300)}`);
    return edit;
  };
  // compiles; a development server may reload once it has found a dependency
  await vi.waitFor(async () => expect((await server.get('/api/edited')).status).toBe(200), {
    timeout: 60_000,
    interval: 200,
  });
  await server.get('/api/hand-written');

  let isEditing = true;
  const clients = Array.from({ length: 3 }, async () => {
    while (isEditing) await visit();
  });
  const watches = { ours: database.watch(''), hand: database.watch('hand-written') };
  let slowest = 0;
  let savedAgain = 0;
  try {
    for (let edit = 1; edit <= EDITS; edit++) {
      await copy.edit('entities.ts', text =>
        text
          .replace(/export const edit = \d+;/, `export const edit = ${edit};`)
          .replace(/\/\/ entity .*|(?=\nexport class User )/, `// entity ${edit}`),
      );
      const start = performance.now();
      // Vite's watcher may miss a file that is replaced twice within 100 ms, as no person saves
      let saveAgainAt = start + 2_000;
      await vi.waitFor(
        async () => {
          if (performance.now() > saveAgainAt) {
            saveAgainAt += 2_000;
            savedAgain++;
            await copy.edit('entities.ts', text => `${text}\n`);
          }
          expect(await visit()).toBe(edit);
        },
        { timeout: 60_000, interval: 10 },
      );
      slowest = Math.max(slowest, performance.now() - start);
      await server.get('/api/hand-written');
    }
  } finally {
    isEditing = false;
    await Promise.all(clients);
  }
  const [most, mostByHand] = [await watches.ours.stop(), await watches.hand.stop()];
  expect(failures).toEqual([]);
  expect(most).toBeLessThanOrEqual(4);
  expect(mostByHand, 'a pool for each evaluation').toBeGreaterThan(EDITS / 2);

  for (let edit = 1; edit <= POOL_EDITS; edit++) {
    await copy.edit('mikro-orm.config.ts', text => text.replace(/max: \d/, `max: ${edit % 2 ? 3 : 4}`));
    await Promise.all(Array.from({ length: 20 }, visit));
  }
  expect(failures).toEqual([]);
  // those of before the edits close once nothing uses them
  await vi.waitFor(async () => expect(await database.backends('')).toBeLessThanOrEqual(4), {
    timeout: 30_000,
    interval: 200,
  });
  return `${requests} requests, 0 failed; ${most} of 4 backends (by hand ${mostByHand}); seen in ${Math.round(slowest)} ms, ${savedAgain} saved again`;
}
