import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between the app and a server, and can be cut. */
export async function createProxy(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const upstream = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => (sockets.delete(socket), other.destroy()));
      socket.pipe(other);
    }
  });
  const listen = (at: number) => new Promise<void>(done => server.listen(at, '127.0.0.1', done));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;
  const cut = async (): Promise<void> => {
    const closed = new Promise(done => server.close(done));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return { port: own, cut, restore: () => listen(own) };
}
