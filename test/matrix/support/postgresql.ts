import { execFile, spawn } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, idsOf } from '../../support/processes.ts';
import type { Bench } from './bench.ts';

const execute = promisify(execFile);

/** Whether something listens on a port of 127.0.0.1. */
const answers = (port: number): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });

/** Starts a server from these programs, and returns its port; `work` has it for as long as it runs. */
export async function withPostgresql(bench: Bench, bin: string, work: (port: number) => Promise<void>): Promise<void> {
  const data = bench.path('data');
  const ids = await idsOf('postgres');
  await mkdir(data);
  if (ids) {
    await chmod(bench.folder, 0o755);
    await chown(data, ids.uid, ids.gid);
  }
  const options = { ...ids, cwd: data };
  await execute(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-locale', '-E', 'UTF8'],
    options,
  );
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'max_connections=200'];
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap(setting => ['-c', setting])],
    { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(-4_000)));
  const exited = new Promise(resolve => server.once('exit', resolve));
  const atExit = (): unknown => server.kill('SIGKILL');
  process.once('exit', atExit);
  try {
    while (!(await answers(port))) {
      if (server.exitCode !== null) {
        throw new Error(`PostgreSQL does not start: ${said}`);
      }
      await sleep(50);
    }
    await work(port);
  } finally {
    server.kill('SIGINT');
    await exited;
    process.off('exit', atExit);
  }
}
