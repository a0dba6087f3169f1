import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { baseDir } from './shop.ts';

const register = pathToFileURL(resolve(import.meta.dirname, 'register.ts')).href;
const server = resolve(import.meta.dirname, '../../../examples/daloyjs/src/server.ts');

/** The example's server in a process of its own, on a free port. */
export function startServer(env: Record<string, string>) {
  mkdirSync(baseDir, { recursive: true });
  const child = spawn(process.execPath, ['--import', register, server], {
    cwd: baseDir,
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'fatal', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
      if (address) listening.resolve(address[0]);
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  exited.then(code => listening.reject(new Error(`The server exited with ${code}: ${output}`)));
  listening.promise.catch(() => undefined);
  return {
    address: listening.promise,
    exited,
    output: () => output,
    signal: (name: NodeJS.Signals) => child.kill(name),
  };
}
