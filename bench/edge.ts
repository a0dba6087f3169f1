// MikroORM in workerd: the size of a worker and the CPU that its start takes, by number of entities; a query on D1.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { bundle, gzipped } from '../test/edge/support/bundle.ts';
import { startCode } from '../test/edge/support/miniflare.ts';
import { median, ratioOf, rounded } from './support/measure.ts';
import { report } from './support/report.ts';

const ROUNDS = 5;
const COUNTS = [3, 25, 100] as const;
/** What the kernel counts CPU in, in ms. */
const TICK = 10;
const folder = resolve(import.meta.dirname, '.tmp/edge');

/** A worker with this many entities, each of ten properties, which refer to each other. */
function source(count: number): string {
  const entities = Array.from(
    { length: count },
    (_, i) => `const E${i} = defineEntity({ name: 'E${i}', properties: {
      id: p.uuid().primary().onCreate(() => crypto.randomUUID()),
      ${['a', 'b', 'c'].map(name => `${name}: p.string()`).join()}, n: p.integer(), on: p.boolean(), at: p.datetime(), data: p.json().nullable(),
      ${i > 0 ? `parent: () => p.manyToOne(E${i - 1})` : 'x: p.string()'}, others: () => p.manyToMany(E${(i + 1) % count}),
    } });`,
  );
  return `import { defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sql';
import { env } from 'cloudflare:workers';
import { explicitEntities, mapOrmError, toProblemResponse, withRequestContext } from 'mikro-orm-web';
import { createEdgeOrm, d1 } from 'mikro-orm-web/edge';
${entities.join('\n')}
const orm = createEdgeOrm({ driver: SqliteDriver, dbName: 'app', entities: explicitEntities({ ${entities.map((_, i) => `E${i}`).join()} }) }, d1(() => env.DB));
export default { fetch: () => withRequestContext(orm, async em => Response.json(await em.findAll(E0))).catch(error => toProblemResponse(mapOrmError(error, { orm }))) };`;
}

/** The CPU, in ms, that workerd has used until the worker is ready. */
async function startCpu(code: string): Promise<number> {
  const children = async (): Promise<string[]> =>
    (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')).trim().split(' ');
  const before = new Set(await children());
  const worker = await startCode(code, { bindings: { d1Databases: { DB: 'db' } } });
  const pid = (await children()).find(child => !before.has(child))!;
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  await worker.stop();
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

await mkdir(folder, { recursive: true });
const codes = new Map<number, string>([[0, 'export default { fetch: () => new Response() }']]);
for (const count of COUNTS) {
  const file = join(folder, `${count}.js`);
  await writeFile(file, source(count));
  codes.set(count, await bundle(file));
}
await rm(folder, { recursive: true });

const cpu = new Map<number, number[]>([0, ...COUNTS].map(count => [count, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [count, code] of codes) {
    cpu.get(count)!.push(await startCpu(code));
  }
}
const own = (count: number): number => Math.max(0, median(cpu.get(count)!) - median(cpu.get(0)!));

const worker = await startCode(await bundle(resolve(import.meta.dirname, 'edge/find-one.ts')), {
  bindings: { d1Databases: { DB: 'db' } },
});
const { raw, findOne } = (await worker.ask('/')).body as { raw: number[]; findOne: number[] };
await worker.stop();

await report({
  id: 'edge',
  title: 'a worker on D1, minified, in workerd',
  lines: [
    ...COUNTS.map((count): [string, string] => [
      `${count} entities: size, gzip; CPU of the start`,
      `${gzipped(codes.get(count)!)} KiB; ${own(count).toFixed(0)} ms`,
    ]),
    ["D1's own API: one row by its key", `${median(raw).toFixed(0)} µs`],
    ['withRequestContext, em.findOne', `${median(findOne).toFixed(0)} µs, ${ratioOf(findOne, raw).toFixed(2)} of it`],
  ],
  ratio: rounded(ratioOf(findOne, raw)),
  ours: {
    microseconds: rounded(median(findOne)),
    ...Object.fromEntries(COUNTS.map(count => [`startMilliseconds${count}`, rounded(own(count))])),
    ...Object.fromEntries(COUNTS.map(count => [`gzipKiB${count}`, gzipped(codes.get(count)!)])),
  },
  guide: { microseconds: rounded(median(raw)) },
});
