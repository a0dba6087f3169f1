import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import type { Options } from '@mikro-orm/core';
import { expect, test } from 'vitest';
import { createDatabase, describeDriver, DRIVERS, dropDerived } from '../support/databases.js';
import type { Order, Outcome } from './support/app-worker.js';

const script = resolve(import.meta.dirname, 'support/app-worker.ts');

function work(order: Order): Promise<Outcome> {
  const child = fork(script, {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.send(order);
  return new Promise((done, fail) => {
    child.once('message', outcome => done(outcome as Outcome));
    child.once('exit', code => fail(new Error(`The worker ended with ${code}`)));
  });
}

for (const driver of DRIVERS) {
  await describeDriver(driver, name => {
    test(
      '200 tests of an app, in random order, in parallel workers, leave nothing behind',
      { timeout: 120_000 },
      async () => {
        const database = await createDatabase(name);
        const { driver: _, ...config } = database.config;
        const workers = name === 'pglite' ? 1 : 2;
        const seed = Date.now() % 100_000;
        try {
          const outcomes = await Promise.all(
            Array.from({ length: workers }, (__, i) =>
              work({
                driver: name,
                config: config as Partial<Options>,
                worker: String(i),
                seed: seed + i,
                count: 200 / workers,
              }),
            ),
          );
          for (const { failures, before, after, ran, ms } of outcomes) {
            expect(failures, `seed ${seed}`).toEqual([]);
            expect(after).toBe(before);
            console.log(`${name}: ${ran} tests in ${Math.round(ms)} ms`);
          }
          expect(outcomes.reduce((sum, { ran }) => sum + ran, 0)).toBe(200);
          expect(new Set(outcomes.map(outcome => outcome.name)).size).toBe(workers);
        } finally {
          await dropDerived(name, database.config);
          await database.drop();
        }
      },
    );
  });
}
