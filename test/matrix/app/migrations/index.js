export { Migration20260101000000 } from './Migration20260101000000.js';
