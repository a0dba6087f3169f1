export { openSandbox } from './open-sandbox.js';
export type { OpenedSandbox } from './open-sandbox.js';
export { SandboxError } from '../errors.js';
