import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DRIVERS, isReachable } from './databases.js';

export default async function setup(): Promise<() => Promise<void>> {
  console.log(`Node.js ${process.version}`);
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 22) {
    throw new Error('The tests need the Node.js of the devDependency `node`: run them by npm test.');
  }
  for (const name of DRIVERS) {
    if (!(await isReachable(name))) {
      console.warn(`SKIPPED: no server for ${name} answers on 127.0.0.1; its tests do not run`);
    }
  }
  const graphs = resolve(import.meta.dirname, '../.tmp/graphs');
  return () => rm(graphs, { recursive: true, force: true });
}
