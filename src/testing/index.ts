export { openSandbox } from './open-sandbox.js';
export type { OpenedSandbox } from './open-sandbox.js';
export { SandboxError } from '../errors.js';
export { createTestDatabase } from './create-test-database.js';
export type { TestDatabase, TestDatabaseOptions } from './create-test-database.js';
export { truncate } from './truncate.js';
export type { TruncateOptions } from './truncate.js';
