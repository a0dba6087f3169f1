// Jest's globals, which those of Vitest are like.
export { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
