import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { App } from './app.ts';

export interface NodeServerOptions {
  port?: number;
  hostname?: string;
}

/** Serves on Node.js; SIGTERM and SIGINT shut down. */
export function serve(app: App, { port = 3000, hostname = '0.0.0.0' }: NodeServerOptions = {}) {
  const server: Server = createServer(async (incoming, outgoing) => {
    const response = await app.fetch(await toRequest(incoming));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  });
  server.listen(port, hostname);
  const close = async (): Promise<void> => {
    await app.shutdown();
    server.closeIdleConnections();
    await new Promise(resolve => server.close(resolve));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void close().then(() => process.exit(0)));
  }
  return {
    server,
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? port;
    },
    close,
  };
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const { method = 'GET', url = '/', headers } = incoming;
  const body = method === 'GET' || method === 'HEAD' ? null : Buffer.concat(await Readable.from(incoming).toArray());
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Request(new URL(url, `http://${headers.host}`), { method, headers: given, body });
}
