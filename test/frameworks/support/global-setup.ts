import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { install } from './install.js';

/** Installs the frameworks where everything is to run; elsewhere only what was installed before is tested. */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env['REQUIRE_ALL'] === '1') {
    await install();
  }
  return () => rm(resolve(import.meta.dirname, '../.tmp'), { recursive: true, force: true });
}
