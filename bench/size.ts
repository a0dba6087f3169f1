// What the package adds to a bundle, as size-limit tells it.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { rounded } from './support/measure.ts';
import { report } from './support/report.ts';

const sizeLimit = resolve(import.meta.dirname, '../node_modules/size-limit/bin.js');
// it exits with 1 above the limit, which `npm run size` is for
const json = execFileSync(process.execPath, [sizeLimit, '--json'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [{ size, sizeLimit: limit }] = JSON.parse(json) as [{ size: number; sizeLimit: number }];

await report({
  id: 'size',
  title: 'the entry of the package, minified and gzipped, without MikroORM',
  lines: [
    ['what an import of everything adds', `${(size / 1000).toFixed(2)} kB`],
    ['the limit that `npm run size` holds it to', `${(limit / 1000).toFixed(2)} kB`],
  ],
  ours: { kilobytes: rounded(size / 1000) },
  guide: { kilobytes: 0 },
});
