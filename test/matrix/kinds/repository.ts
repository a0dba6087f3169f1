import { copySmallApp, createApp, DEPENDENCIES } from '../support/app.ts';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';
import { devDependencies, manifest } from '../support/library.ts';
import { copyRepository, runTests } from '../support/repository.ts';

/** What depends most on the ORM and its query builder. */
const ORM_TESTS = [
  'test/entities',
  'test/index.test.ts',
  'test/migrations',
  'test/mikro-orm-internals.test.ts',
  'test/pool',
  'test/requests',
  'test/singleton',
];
/** What depends most on Node.js: contexts, garbage, signals, copies of modules, the command line. */
const NODE_TESTS = [
  'test/cli/cli.test.ts',
  'test/index.test.ts',
  'test/mikro-orm-internals.test.ts',
  'test/pool/lease.test.ts',
  'test/requests/fork-per-request.test.ts',
  'test/requests/open-em.test.ts',
  'test/requests/when-sent.test.ts',
  'test/requests/with-request-context.test.ts',
  'test/singleton/close-on.test.ts',
  'test/singleton/graphs.test.ts',
  'test/util',
];
const DRIVERS = ['sqlite', 'postgresql'];

/** The packages of MikroORM that the tests use. */
const mikroOrm = Object.keys(devDependencies).filter(name => name.startsWith('@mikro-orm/'));

/** The small app, on the same packages. */
async function useSmallApp(bench: Bench, overrides: Record<string, string> = {}): Promise<void> {
  const dependencies = Object.fromEntries(
    Object.entries(DEPENDENCIES).map(([name, version]) => [name, overrides[name] ?? version]),
  );
  await createApp(bench, { dependencies, overrides });
  await copySmallApp(bench);
  await bench.npmInstall('app');
  for (const script of ['copies.js', 'main.js']) {
    await bench.exec(['node', script], { env: MIXED });
  }
}

/** MikroORM itself refuses packages of several versions. */
const MIXED = { MIKRO_ORM_ALLOW_VERSION_MISMATCH: '1' };

const view = async (bench: Bench, name: string, field: string): Promise<unknown> =>
  JSON.parse(await bench.exec(['npm', 'view', name, field, '--json'], { cwd: bench.folder }));

const order = (version: string): number =>
  version
    .split('.')
    .map(Number)
    .reduce((sum, part) => sum * 10_000 + part);

/** The releases of a package, the oldest first. */
async function releasesOf(bench: Bench, name: string): Promise<string[]> {
  const versions = (await view(bench, name, 'versions')) as string[];
  return versions.filter(version => /^\d+\.\d+\.\d+$/.test(version)).sort((a, b) => order(a) - order(b));
}

/** The lowest version of a package that the library allows. */
async function lowest(bench: Bench, name: string): Promise<string> {
  const limit = order(manifest.peerDependencies['@mikro-orm/core']!.slice(1));
  return (await releasesOf(bench, name)).find(version => order(version) >= limit)!;
}

/** The newest version of a package that is no newer than the core: releases arrive one package after the other. */
async function newest(bench: Bench, name: string): Promise<string> {
  const limit = order((await view(bench, '@mikro-orm/core', 'version')) as string);
  return (await releasesOf(bench, name)).findLast(version => order(version) <= limit)!;
}

const latest = async (bench: Bench, name: string): Promise<string> => (await view(bench, name, 'version')) as string;

/** The small app and the tests, on packages of other versions. */
const orm = (
  name: string,
  about: string,
  names: readonly string[],
  find: (bench: Bench, name: string) => Promise<string>,
): Cell => ({
  name,
  about: `${about}: a small app, and tests of this repository on SQLite and PostgreSQL`,
  async run(bench) {
    const entries = await Promise.all(names.map(async one => [one, await find(bench, one)] as const));
    const overrides = Object.fromEntries(entries);
    await useSmallApp(bench, overrides);
    const direct = entries.filter(([one]) => one in devDependencies);
    await bench.restart();
    await copyRepository(bench, { versions: Object.fromEntries(direct), overrides });
    await bench.findVersions('app', ...mikroOrm, 'kysely');
    bench.summarise(mikroOrm, '@mikro-orm/core');
    await runTests(bench, ORM_TESTS, DRIVERS, { env: MIXED });
  },
});

/** The small app and the tests, by another Node.js. */
const node = (version: string): Cell => ({
  name: `node-${version}`,
  about: `Node.js ${version}: a small app, and tests of this repository on SQLite and PostgreSQL`,
  async run(bench) {
    const system = process.platform === 'win32' ? 'win' : process.platform;
    const binary = `node-${system}-${process.arch}`;
    await bench.installTools(`${binary}@${version}`);
    bench.usePrograms(bench.path('tools/node_modules', binary, 'bin'));
    bench.found.set('Node.js', (await bench.exec(['node', '--version'], { cwd: bench.folder })).trim());
    await useSmallApp(bench);
    await bench.restart();
    await copyRepository(bench);
    await runTests(bench, NODE_TESTS, DRIVERS);
  },
});

export const orms: readonly Cell[] = [
  orm('mikro-orm-lowest', 'the lowest MikroORM that is allowed', mikroOrm, lowest),
  orm('mikro-orm-newest', 'the newest MikroORM', mikroOrm, newest),
  orm('kysely-newest', 'the newest Kysely', ['kysely'], latest),
];

export const nodes: readonly Cell[] = ['22.17.0', '24', '26'].map(node);
