import { stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { within } from '../../src/util/time-limit.js';

function compute(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

test('an answer that came in time is read, whatever kept the process busy meanwhile', async () => {
  const answer = within(20, stat(import.meta.filename));
  compute(200);
  expect((await answer).isFile()).toBe(true);
});

test('no answer in time is an error', async () => {
  await expect(within(20, new Promise(() => undefined))).rejects.toThrow('No answer within 20 ms');
});
