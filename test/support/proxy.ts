import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What happens to a connection that is open, or to those that come. */
type Fate = 'pass' | 'silent' | 'stalled';

/** One connection of a client, and the one to the server that belongs to it. */
interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  fate: Fate;
  /** Cut the connection within the next message of the server. */
  cutsNext: boolean;
}

/**
 * Stands between clients and a server on 127.0.0.1, and does to the connections what networks do.
 *
 * A silent connection stays so for ever, as behind a router that has lost its entry: neither data nor the end of one side
 * reaches the other, and no packet says so. A stalled one loses nothing, and goes on with `resume()`.
 */
export async function createProxy(port: number) {
  const links = new Set<Link>();
  /** Of connections that come from now on. */
  let fate: Fate = 'pass';
  let target = port;
  let delay = 0;
  let accepted = 0;

  function forward(link: Link, from: Socket, to: Socket): void {
    const send = (chunk: Buffer): void => {
      if (link.fate !== 'silent' && to.writable && !to.write(chunk)) {
        from.pause();
        to.once('drain', () => link.fate !== 'stalled' && from.resume());
      }
    };
    from.on('data', (chunk: Buffer) => {
      if (link.cutsNext && from === link.upstream) {
        to.end(chunk.subarray(0, -1)); // whatever the protocol, the last byte belongs to the last message
        from.destroy();
      } else if (delay > 0) {
        setTimeout(send, delay, chunk);
      } else {
        send(chunk);
      }
    });
    from.on('end', () => {
      if (link.fate !== 'silent') {
        to.end();
        from.end();
      }
    });
    from.on('error', () => undefined);
    from.on('close', hadError => {
      if (link.fate !== 'silent') {
        // else what the other side has not read yet is on its way
        void (hadError ? to.destroy() : to.end());
      }
      if (link.client.destroyed && link.upstream.destroyed) {
        links.delete(link);
      }
    });
  }

  const server = createServer({ allowHalfOpen: true }, client => {
    accepted++;
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    const link: Link = { client, upstream, fate, cutsNext: false };
    links.add(link);
    forward(link, client, upstream);
    forward(link, upstream, client);
    if (fate === 'stalled') {
      client.pause();
      upstream.pause();
    }
  });
  const listen = (at: number) => new Promise<void>(done => server.listen(at, '127.0.0.1', done));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;

  return {
    port: own,
    /** How many connections clients have open. */
    get open(): number {
      return [...links].filter(({ client }) => !client.destroyed && !client.readableEnded).length;
    },
    /** How many have come so far. */
    get accepted(): number {
      return accepted;
    },
    /** How many are open to the server: after a silence it keeps them, too. */
    get upstream(): number {
      return [...links].filter(link => !link.upstream.destroyed).length;
    },
    /** All connections that exist stay silent for ever; with `fresh` those that come until `resume()`, too. */
    silence({ fresh = false }: { fresh?: boolean } = {}): void {
      for (const link of links) link.fate = 'silent';
      fate = fresh ? 'silent' : 'pass';
    },
    /** Holds up all that is sent, and connections that come, until `resume()`. */
    stall(): void {
      fate = 'stalled';
      for (const link of links) {
        if (link.fate === 'pass') {
          link.fate = 'stalled';
          link.client.pause();
          link.upstream.pause();
        }
      }
    },
    /** Stalled connections go on, and new ones pass. */
    resume(): void {
      fate = 'pass';
      for (const link of links) {
        if (link.fate === 'stalled') {
          link.fate = 'pass';
          link.client.resume();
          link.upstream.resume();
        }
      }
    },
    /** Holds back each packet, either way, for so many ms. */
    delay(ms: number): void {
      delay = ms;
    },
    /** Ends all connections with a RST, on both sides. */
    reset(): void {
      for (const { client, upstream } of links) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
    },
    /** Ends each connection that exists one byte before the end of what the server sends next. */
    cutNextAnswer(): void {
      for (const link of links) link.cutsNext = true;
    },
    /** Connections that come from now on lead to another server, as a name does after a failover. */
    retarget(to: number): void {
      target = to;
    },
    /** Ends all connections, and refuses new ones. */
    async cut(): Promise<void> {
      const closed = new Promise(done => server.close(done));
      for (const link of links) {
        link.client.destroy();
        link.upstream.destroy();
      }
      await closed;
    },
    restore: () => listen(own),
  };
}

export type Proxy = Awaited<ReturnType<typeof createProxy>>;
