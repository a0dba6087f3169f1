// What the package adds to a bundle, as size-limit tells it.
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { rounded } from './support/measure.ts';
import { report } from './support/report.ts';

/** What size-limit tells of one line of its settings. */
interface Measured {
  size: number;
  sizeLimit: number;
}

const sizeLimit = resolve(import.meta.dirname, '../node_modules/size-limit/bin.js');
// it exits with 1 above the limit, which `npm run size` is for
const json = execFileSync(process.execPath, [sizeLimit, '--json'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [entry, all] = JSON.parse(json) as [Measured, Measured];
const inKilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(2)} kB`;

await report({
  id: 'size',
  title: 'the package, minified and gzipped, without MikroORM',
  lines: [
    ['the entry: what each module graph evaluates', inKilobytes(entry.size)],
    ['the limit that `npm run size` holds it to', inKilobytes(entry.sizeLimit)],
    ['with all that is loaded once, to open, check or migrate a database', inKilobytes(all.size)],
  ],
  ours: { kilobytes: rounded(entry.size / 1000), allKilobytes: rounded(all.size / 1000) },
  guide: { kilobytes: 0 },
});
