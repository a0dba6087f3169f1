import { expect, test } from 'vitest';
import { Trace } from '../../src/util/trace.js';

function opens(): Trace {
  return new Trace();
}

test('a trace shows the frames of the app, the innermost first, and leaves the limit of others alone', () => {
  const { stackTraceLimit } = Error;
  const { frames, age } = opens();
  expect(frames).toMatch(/^ {4}at opens .*trace\.test\.ts/);
  expect(frames).not.toContain('node_modules');
  expect(age).toBeGreaterThanOrEqual(0);
  expect(Error.stackTraceLimit).toBe(stackTraceLimit);
});

test('where all of it is of packages, all of it is shown', () => {
  const trace = Object.create(Trace.prototype, {
    stack: { value: 'Error\n    at a (/app/node_modules/a/index.js:1:1)\n    at b (node:internal/timers:1:1)' },
  }) as Trace;
  expect(trace.frames).toBe('    at a (/app/node_modules/a/index.js:1:1)\n    at b (node:internal/timers:1:1)');
});
