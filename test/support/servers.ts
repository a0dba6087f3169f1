import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MariaDbDriver } from '@mikro-orm/mariadb';
import { PostgreSqlDriver } from '@mikro-orm/postgresql';
import { describe } from 'vitest';
import { onServer, type DatabaseConfig } from './databases.js';
import { familyOf, freePort, freeze, idsOf, signalFamily, stateOf, thaw, until } from './processes.js';

export type ServerName = 'postgresql' | 'mariadb';

/** A server of a test's own, which it may stop, freeze and fill. */
export interface OwnServer {
  readonly name: ServerName;
  readonly port: number;
  /** As administrator. */
  readonly admin: DatabaseConfig;
  start(): Promise<void>;
  /** Ends it in good order: connections are told. */
  stop(): Promise<void>;
  /** Ends it as a power cut does. */
  kill(): Promise<void>;
  /** Stops all its processes, until `thaw()`: what arrives is kept by the kernel. */
  freeze(): Promise<void>;
  thaw(): void;
  /** Whether it refuses to write, also for connections that exist. */
  setReadOnly(on: boolean): Promise<void>;
  /** Ends it, and removes its files. */
  remove(): Promise<void>;
}

/** What a kind of server needs. `dir` is its data, `port` where it listens. */
interface Kind {
  /** Runs as this user, where the test runs as root. */
  readonly user: string;
  readonly admin: DatabaseConfig;
  init(dir: string): Promise<[command: string, args: string[]]>;
  run(dir: string, port: number, connections: number): Promise<[command: string, args: string[]]>;
  /** The signal for a fast end in good order. */
  readonly stopSignal: NodeJS.Signals;
  readonly readOnly: (on: boolean) => string[];
}

/** Where Debian keeps PostgreSQL's programs: the newest release that is there. */
async function postgresqlBin(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql');
  return `/usr/lib/postgresql/${versions.sort((a, b) => Number(b) - Number(a))[0]}/bin`;
}

const options = (text: string): string[] => text.split(/\s+/);

const KINDS: Record<ServerName, Kind> = {
  postgresql: {
    user: 'postgres',
    admin: { driver: PostgreSqlDriver, user: 'postgres', password: '', dbName: 'postgres' } as DatabaseConfig,
    init: async dir => [
      join(await postgresqlBin(), 'initdb'),
      ['-D', dir, '-U', 'postgres', '-A', 'trust', '--no-sync', '--no-locale', '-E', 'UTF8'],
    ],
    run: async (dir, port, connections) => [
      join(await postgresqlBin(), 'postgres'),
      options(`-D ${dir} -p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off
        -c max_connections=${connections} -c superuser_reserved_connections=1 -c shared_buffers=16MB -c max_wal_senders=0`),
    ],
    stopSignal: 'SIGINT',
    readOnly: on => [
      `alter system set default_transaction_read_only = ${on ? 'on' : 'off'}`,
      'select pg_reload_conf()',
    ],
  },
  mariadb: {
    user: 'mysql',
    admin: { driver: MariaDbDriver, user: 'root', password: '', dbName: 'mysql' } as DatabaseConfig,
    init: async dir => [
      'mariadb-install-db',
      options(`--no-defaults --datadir=${dir} --auth-root-authentication-method=normal --skip-test-db
        --innodb-log-file-size=8M --innodb-buffer-pool-size=16M`),
    ],
    run: async (dir, port, connections) => [
      'mariadbd',
      options(`--no-defaults --datadir=${dir} --socket=${dir}/socket --pid-file=${dir}/pid --port=${port}
        --bind-address=127.0.0.1 --skip-name-resolve --max-connections=${connections} --innodb-buffer-pool-size=16M
        --innodb-log-file-size=8M --innodb-flush-log-at-trx-commit=0`),
    ],
    stopSignal: 'SIGTERM',
    readOnly: on => [`set global read_only = ${on ? 1 : 0}`],
  },
};

const PATH = `${process.env['PATH']}:/usr/sbin`;
const execute = promisify(execFile);

/** A folder of its own for temporary files: MariaDB removes those of others when it starts. */
const environment = (dir: string): NodeJS.ProcessEnv => ({ ...process.env, PATH, TMPDIR: dir });

/** What is still to do when this process ends. */
const atExit = new Set<() => void>();
process.once('exit', () => atExit.forEach(end => end()));

const templates = new Map<ServerName, Promise<string>>();

/** A data directory as it is before the first start, made once a process. */
async function makeTemplate(name: ServerName): Promise<string> {
  const { user, init } = KINDS[name];
  const ids = await idsOf(user);
  const dir = await mkdtemp(join(tmpdir(), `mikro-orm-web-${name}-`));
  atExit.add(() => rmSync(dir, { recursive: true, force: true }));
  if (ids) {
    await chown(dir, ids.uid, ids.gid);
  }
  const [command, args] = await init(dir);
  await execute(command, args, { ...ids, cwd: dir, env: environment(dir) });
  return dir;
}

/** Makes and starts a server, on a port of its own, for so many connections. */
export async function startServer(name: ServerName, connections = 20): Promise<OwnServer> {
  const kind = KINDS[name];
  const ids = await idsOf(kind.user);
  const template = templates.get(name) ?? makeTemplate(name);
  templates.set(name, template);
  const dir = await mkdtemp(join(tmpdir(), `mikro-orm-web-${name}-`));
  await execute('cp', ['-a', '--reflink=auto', `${await template}/.`, dir]);
  const port = await freePort();
  const admin: DatabaseConfig = { ...kind.admin, host: '127.0.0.1', port };
  const spawning = { ...ids, cwd: dir, env: environment(dir) };
  let child: ChildProcess | undefined;
  let said = '';

  const isGone = (pid: number): boolean => [undefined, 'Z'].includes(stateOf(pid));
  /** Ends the server and whatever it has started. */
  async function end(signal: (pid: number) => void): Promise<void> {
    const pid = child?.pid;
    if (pid === undefined) {
      return;
    }
    const family = familyOf(pid);
    signal(pid);
    await until(() => family.every(isGone), `${name} ends`);
    child = undefined;
  }

  const server: OwnServer = {
    name,
    port,
    admin,
    async start() {
      const [command, args] = await kind.run(dir, port, connections);
      child = spawn(command, args, { ...spawning, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr!.setEncoding('utf8').on('data', text => (said = `${said}${text}`.slice(-4_000)));
      const started = child;
      const end = (): unknown => started.kill('SIGKILL');
      atExit.add(end);
      started.once('exit', () => atExit.delete(end));
      await until(async () => {
        if (started.exitCode !== null) {
          throw new Error(`${name} does not start: ${said}`);
        }
        return onServer(admin, 'select 1').then(
          () => true,
          () => false,
        );
      }, `${name} starts`);
    },
    stop: () => end(pid => process.kill(pid, kind.stopSignal)),
    kill: () => end(pid => signalFamily(pid, 'SIGKILL')),
    freeze: () => freeze(child!.pid!),
    thaw: () => thaw(child!.pid!),
    async setReadOnly(on) {
      for (const sql of kind.readOnly(on)) {
        await onServer(admin, sql);
      }
    },
    async remove() {
      await server.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** `describe` for servers of a test's own: skips loudly where their programs are not installed; with REQUIRE_ALL=1 that is a failure. */
export async function describeServer(name: ServerName, suite: (name: ServerName) => void): Promise<void> {
  const missing = await KINDS[name].init('').then(
    ([command]) =>
      execute(command, ['--help'], { env: { ...process.env, PATH } }).then(
        () => undefined,
        (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? command : undefined),
      ),
    () => 'PostgreSQL in /usr/lib/postgresql',
  );
  if (missing && process.env['REQUIRE_ALL'] === '1') {
    throw new Error(`REQUIRE_ALL=1, and ${missing} is not installed`);
  }
  if (missing) {
    console.warn(`SKIPPED: ${missing} is not installed`);
  }
  describe.skipIf(!!missing)(name, () => suite(name));
}
