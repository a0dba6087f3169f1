export { Migration20261124120000 } from './Migration20261124120000.ts';
