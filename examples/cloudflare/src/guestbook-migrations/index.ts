export { Migration20261124130000 } from './Migration20261124130000.ts';
