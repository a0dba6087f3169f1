import { expect, vi } from 'vitest';
import type { AppCopy } from './app.js';
import type { AppDatabase } from './database.js';
import type { AppServer } from './server.js';

const EDITS = process.env['EDITS'];
/** What a development server says, or does not say, of requests that it dropped: no answer, or Nitro's own. */
const DROPPED = /^(?:0 |503 \{\s+"error": "Dev server is unavailable)/;
/** How long a development server may take to answer: it compiles. */
const PATIENCE = 60_000;

/** What came of some edits, of the adapter or of the singleton that is written by hand. */
export interface EditResult {
  requests: number;
  failed: number;
  /** The most that were open at once. */
  backends: number;
  /** The longest that it took until an edit was served, in ms. */
  seen: number;
}

/** Both, in the same server: the edits of entities, and those of the pool's settings. */
export type EditResults = Record<'entities' | 'pool', { count: number; ours: EditResult; byHand: EditResult }>;

/** What a route answers: which edit it has, and which size of the pool. */
interface Served {
  edit: number;
  max: number;
  mapped?: boolean;
}

/** Asks one of the two singletons, and remembers what failed. */
class Visitor {
  readonly failures: string[] = [];
  requests = 0;
  slowest = 0;
  readonly #get: () => ReturnType<AppServer['get']>;

  constructor(server: AppServer, path: string, timeout: number) {
    this.#get = () => server.get(path, { timeout });
  }

  async visit(): Promise<Served | undefined> {
    this.requests++;
    const { status, text } = await this.#get();
    const served = status === 200 ? (JSON.parse(text) as Served) : undefined;
    if (!served || served.mapped === false) this.failures.push(`${status} ${text.slice(0, 300)}`);
    return served;
  }

  /** Waits until an edit is served. */
  async sees(isSeen: (served: Served) => boolean, saveAgain: () => Promise<void> = async () => {}): Promise<void> {
    const start = performance.now();
    // Vite's watcher may miss a file that is replaced twice within 100 ms, as no person saves
    let saveAgainAt = start + 2_000;
    await vi.waitFor(
      async () => {
        if (performance.now() > saveAgainAt) {
          saveAgainAt += 2_000;
          await saveAgain();
        }
        const served = await this.visit();
        expect(served && isSeen(served)).toBe(true);
      },
      { timeout: 2 * PATIENCE, interval: 10 },
    );
    this.slowest = Math.max(this.slowest, performance.now() - start);
  }

  result(backends: number): EditResult {
    const { requests, failures, slowest } = this;
    return { requests, failed: failures.length, backends, seen: Math.round(slowest) };
  }
}

/** Edits the entities, then the settings of the pool, while requests go on. */
export async function editUnderLoad(copy: AppCopy, server: AppServer, database: AppDatabase): Promise<EditResults> {
  const { dropsRequests = false } = copy.app;
  // each request that is dropped costs its time limit
  const edits = Number(EDITS ?? (dropsRequests ? 3 : 10));
  const saveAgain = () => copy.edit('entities.ts', text => `${text}\n`);

  /** Makes edits one after the other, each when the one before it is served, under the requests of a few clients. */
  async function run(count: number, make: (edit: number) => Promise<(served: Served) => boolean>) {
    const timeout = dropsRequests ? 10_000 : PATIENCE;
    const ours = new Visitor(server, '/api/edited', timeout);
    const byHand = new Visitor(server, '/api/hand-written', timeout);
    const watches = { ours: database.watch(''), byHand: database.watch('hand-written') };
    let isEditing = true;
    const clients = [ours, ours, ours, byHand].map(async visitor => {
      while (isEditing) await visitor.visit();
    });
    try {
      for (let edit = 1; edit <= count; edit++) {
        const isSeen = await make(edit);
        await Promise.all([ours.sees(isSeen, saveAgain), byHand.sees(isSeen)]);
      }
    } finally {
      isEditing = false;
      await Promise.all(clients);
    }
    const results = {
      count,
      ours: ours.result(await watches.ours.stop()),
      byHand: byHand.result(await watches.byHand.stop()),
    };
    // where the framework itself drops requests, no other failure may hide among them
    expect(dropsRequests ? ours.failures.filter(text => !DROPPED.test(text)) : ours.failures).toEqual([]);
    return results;
  }

  // compiles; a development server may reload once it has found a dependency
  for (const path of ['/api/edited', '/api/hand-written']) {
    await vi.waitFor(async () => expect((await server.get(path)).status).toBe(200), {
      timeout: PATIENCE,
      interval: 200,
    });
  }
  const entities = await run(edits, async edit => {
    await copy.edit('entities.ts', text =>
      text
        .replace(/export const edit = \d+;/, `export const edit = ${edit};`)
        .replace(/\/\/ entity .*|(?=\nexport class User )/, `// entity ${edit}`),
    );
    return served => served.edit === edit;
  });
  if (!dropsRequests) {
    expect(entities.ours.backends).toBeLessThanOrEqual(4);
    expect(entities.byHand.backends, 'a pool for each evaluation').toBeGreaterThan(edits / 2);
  }
  const pool = await run(Math.min(5, Math.ceil(edits / 2)), async edit => {
    const max = edit % 2 ? 3 : 4;
    await copy.edit('mikro-orm.config.ts', text => text.replace(/max: \d/, `max: ${max}`));
    return served => served.max === max;
  });
  // those of before the edits close once nothing uses them
  await vi.waitFor(async () => expect(await database.backends('')).toBeLessThanOrEqual(4), {
    timeout: 30_000,
    interval: 200,
  });
  return { entities, pool };
}

/** What came of the edits, by framework, as a table in Markdown. */
export function editsTable(byFramework: ReadonlyMap<string, EditResults>): string {
  const rows = [...byFramework].flatMap(([framework, { entities, pool }]) =>
    [entities, pool].flatMap(({ count, ours, byHand }, index) =>
      ([ours, byHand] as const).map(({ requests, failed, backends, seen }, side) => [
        framework,
        `${count} of ${index ? "the pool's settings" : 'entities'}`,
        side ? 'by hand' : 'adapter',
        `${failed} of ${requests}`,
        backends,
        `${(seen / 1000).toFixed(1)} s`,
      ]),
    ),
  );
  const head = ['framework', 'edits', 'singleton', 'failed requests', 'most backends', 'slowest edit seen in'];
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}
