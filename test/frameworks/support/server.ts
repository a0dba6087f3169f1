import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';

/** Environment variables beside those of this process. */
export type Env = Record<string, string>;

/** What a server answered; status 0 where no answer came, or not all of it. */
export interface Answer {
  status: number;
  type: string;
  connection: string | undefined;
  retryAfter: string | undefined;
  text: string;
}

/** A process, which leads a group of its own. */
export interface Running {
  readonly child: ChildProcess;
  output(): string;
  stdout(): string;
  /** The exit code or the signal; kills after `ms`. */
  ended(ms: number): Promise<number | string>;
  signal(name: NodeJS.Signals): void;
}

/** Runs a command in a folder. */
export function run([command = '', ...args]: readonly string[], cwd: string, env: Env = {}): Running {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(NODE_ENV|NODE_OPTIONS|VITEST.*|TEST|DEV|PROD|MODE|SSR|BASE_URL|DATABASE_.*)$/.test(name),
  );
  const child = spawn(command, args, {
    cwd,
    env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env } as unknown as NodeJS.ProcessEnv,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  let stdout = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  child.stdout.on('data', (text: string) => (stdout += text));
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  const signal = (name: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, name);
    } catch {
      // it has ended already
    }
  };
  const atExit = (): void => signal('SIGKILL');
  process.once('exit', atExit);
  void exited.then(() => process.off('exit', atExit));
  return {
    child,
    output: () => output,
    stdout: () => stdout,
    signal,
    async ended(ms) {
      let timer!: NodeJS.Timeout;
      const late = new Promise<string>(
        done => (timer = setTimeout(() => (signal('SIGKILL'), done(`no end within ${ms} ms`)), ms)),
      );
      const code = await Promise.race([exited.then(([number, name]) => number ?? name ?? 'unknown'), late]);
      clearTimeout(timer);
      return code;
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise(done => server.close(done));
  return port;
}

/** A server of a test app, on a port of its own. */
export class AppServer {
  readonly port: number;
  readonly running: Running;

  constructor(port: number, running: Running) {
    this.port = port;
    this.running = running;
  }

  /** Resolves once something answers there. */
  async listening(ms = 60_000): Promise<this> {
    const end = Date.now() + ms;
    while ((await this.get('/health')).status === 0) {
      if (this.running.child.exitCode !== null || Date.now() > end) {
        this.running.signal('SIGKILL');
        throw new Error(`The server did not start:\n${this.running.output()}`);
      }
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    return this;
  }

  /** One request, on a new connection if no agent says otherwise. */
  get(
    path: string,
    options: { agent?: Agent; accept?: string; method?: string; timeout?: number; onData?: () => void } = {},
  ): Promise<Answer> {
    const { agent, accept = 'application/json', method = 'GET', timeout = 60_000, onData } = options;
    return new Promise(resolve => {
      const failed = (error: Error & { code?: string }): void =>
        resolve({
          status: 0,
          type: '',
          connection: undefined,
          retryAfter: undefined,
          text: error.code ?? error.message,
        });
      const request = httpRequest(
        {
          host: '127.0.0.1',
          port: this.port,
          path,
          method,
          headers: { accept },
          ...(agent ? { agent } : { agent: false }),
        },
        (response: IncomingMessage) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
            onData?.();
          });
          response.on('error', failed);
          response.on('end', () =>
            resolve({
              status: response.complete ? response.statusCode! : 0,
              type: String(response.headers['content-type'] ?? '').replace(/;.*/, ''),
              connection: response.headers.connection,
              retryAfter: response.headers['retry-after'],
              text,
            }),
          );
        },
      );
      request.setTimeout(timeout, () => request.destroy(new Error(`no answer within ${timeout} ms`)));
      request.on('error', failed).end();
    });
  }

  async stop(): Promise<void> {
    this.running.signal('SIGKILL');
    await this.running.ended(10_000);
  }
}
