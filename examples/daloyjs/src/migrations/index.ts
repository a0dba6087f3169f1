// Written by mikro-orm-web: migration:create keeps this list up to date.
export { Migration20261122000834 } from './Migration20261122000834.ts';
