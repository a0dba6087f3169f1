// Written by mikro-orm-web: migration:create keeps this list up to date.
export { Migration20261121210728 } from './Migration20261121210728.ts';
