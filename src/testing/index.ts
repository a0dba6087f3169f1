export { openSandbox } from './open-sandbox.js';
export type { OpenedSandbox } from './open-sandbox.js';
export { SandboxError } from '../errors.js';
export { createTestDatabase } from './create-test-database.js';
export type { TestDatabase, TestDatabaseOptions } from './create-test-database.js';
