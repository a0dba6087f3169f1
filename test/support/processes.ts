import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return port;
}

/** What the kernel says of a process: running, sleeping, stopped (`T`) …; undefined once it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))![1];
  } catch {
    return undefined;
  }
}

/** Waits until a condition holds; throws after `limit` ms. */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limit = 20_000): Promise<void> {
  const end = performance.now() + limit;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`Not within ${limit} ms: ${what}`);
    }
    await sleep(10);
  }
}

/** A process and those that it has started. */
export function familyOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return [pid, ...children.flatMap(familyOf)];
  } catch {
    return [];
  }
}

/** Sends a signal to a process and those that it has started, as far as they are still there. */
export function signalFamily(pid: number, signal: NodeJS.Signals): void {
  for (const member of familyOf(pid)) {
    try {
      process.kill(member, signal);
    } catch {
      // gone meanwhile
    }
  }
}

/** Freezes a process and those that it has started, and waits until they are. */
export async function freeze(pid: number): Promise<void> {
  signalFamily(pid, 'SIGSTOP');
  await until(() => familyOf(pid).every(member => [undefined, 'T'].includes(stateOf(member))), `${pid} stops`);
}

export const thaw = (pid: number): void => signalFamily(pid, 'SIGCONT');

/** The user to run a server as, where this process is root's: PostgreSQL refuses root. */
export async function idsOf(user: string): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) {
    return undefined;
  }
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async flag => Number((await execute('id', [flag, user])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}
