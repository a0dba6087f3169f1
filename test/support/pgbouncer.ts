import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './processes.js';

/**
 * A PgBouncer before PostgreSQL, undefined if it is not installed. By default it gives a connection to another client after
 * each transaction. `settings` are lines of its configuration.
 */
export async function startPgBouncer({
  port: server = 5432,
  mode = 'transaction',
  settings: more = '',
}: { port?: number; mode?: 'transaction' | 'session'; settings?: string | undefined } = {}): Promise<
  { port: number; stop: () => Promise<void> } | undefined
> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-'));
  const settings = join(folder, 'pgbouncer.ini');
  await writeFile(
    settings,
    `[databases]
     * = host=127.0.0.1 port=${server} user=postgres
     [pgbouncer]
     pool_mode = ${mode}
     auth_type = any
     listen_addr = 127.0.0.1
     listen_port = ${port}
     unix_socket_dir =
     ignore_startup_parameters = extra_float_digits
     ${more}`.replace(/^ +/gm, ''),
  );
  // it refuses to run as root
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const bouncer = spawn('pgbouncer', ['-q', ...user, settings], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<boolean>(done => bouncer.once('error', () => done(true)).once('exit', () => done(true)));
  const stop = async (): Promise<void> => {
    bouncer.kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  while (!(await answers(port))) {
    if (await Promise.race([ended, sleep(50, false)])) {
      await stop();
      return undefined;
    }
  }
  return { port, stop };
}

function answers(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), done(true))).once('error', () => done(false));
  });
}
