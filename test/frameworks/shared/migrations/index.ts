// Written by mikro-orm-web: migration:create keeps this list up to date.
export { Migration20260101000000 } from './Migration20260101000000.ts';
