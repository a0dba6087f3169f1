import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

const next = resolve(import.meta.dirname, '../../../node_modules/next/dist/bin/next');

/** Environment variables that a server gets beside those of this process. */
export type Env = Record<string, string>;

/** Next.js at work: its first process, which leads a group. */
export interface Running {
  process: ChildProcess;
  pid: number;
  output(): string;
}

/** Runs Next.js in a process group of its own, so that its workers end with it. */
export function run(args: string[], folder: string, env: Env): Running {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_ENV|NODE_OPTIONS|VITEST.*|TEST|DEV|PROD|MODE|SSR|BASE_URL|(GUIDE_)?DATABASE_.*)$/.test(name),
  );
  const child = spawn(process.execPath, [next, ...args], {
    cwd: folder,
    // what Next.js itself sets for NODE_ENV is right: it must not be vitest's
    env: { ...Object.fromEntries(inherited), NEXT_TELEMETRY_DISABLED: '1', ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const pid = child.pid!;
  const atExit = (): void => killGroup(pid, 'SIGKILL');
  process.once('exit', atExit);
  child.once('exit', () => process.off('exit', atExit));
  return { process: child, pid, output: () => output };
}

/** Waits for the end, at most `ms`; then kills. */
export async function ended(running: Running, ms: number): Promise<number | string> {
  const { process: child, pid } = running;
  if (child.exitCode !== null) {
    return child.exitCode;
  }
  return new Promise(done => {
    const timer = setTimeout(() => (killGroup(pid, 'SIGKILL'), done(`no end within ${ms} ms`)), ms);
    child.once('exit', (code, signal) => (clearTimeout(timer), done(code ?? signal!)));
  });
}

/** Signals all processes of the group. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended already
  }
}

/** How often the processes of the group hold `file` open. */
export function handlesOf(leader: number, file: string): number {
  const path = realpathSync(file);
  return groupOf(leader).reduce((sum, pid) => sum + openBy(pid, path), 0);
}

/** The processes of a process group. */
function groupOf(leader: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        // pid (name) state parent group: a name may hold spaces and parentheses
        return (
          Number(
            readFileSync(`/proc/${pid}/stat`, 'utf8')
              .replace(/^.*\) /s, '')
              .split(' ')[2],
          ) === leader
        );
      } catch {
        return false;
      }
    });
}

function openBy(pid: number, file: string): number {
  return readdirSync(`/proc/${pid}/fd`).filter(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === file;
    } catch {
      return false;
    }
  }).length;
}
