export { Migration20260101000000 } from './Migration20260101000000.js';
export { Migration20260202000000 } from './Migration20260202000000.js';
