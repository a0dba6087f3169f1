import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProxy, type Proxy } from './proxy.js';

/** A server that answers each line in capitals. */
async function startServer() {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket.setEncoding('utf8'));
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    socket.on('data', text => socket.write(String(text).toUpperCase()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise(done => server.close(done));
  };
  return { port: (server.address() as AddressInfo).port, sockets, stop };
}

let server: Awaited<ReturnType<typeof startServer>>;
let proxy: Proxy;
const clients: Client[] = [];

interface Client {
  socket: Socket;
  said: string;
  end: string | undefined;
}

async function openClient(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' }).setEncoding('utf8');
  const client: Client = { socket, said: '', end: undefined };
  clients.push(client);
  socket.on('data', text => (client.said += text));
  socket.on('error', (error: NodeJS.ErrnoException) => (client.end = error.code));
  socket.on('close', () => (client.end ??= 'closed'));
  await once(socket, 'connect');
  return client;
}
const say = async (client: Client, text: string, answer = text.toUpperCase()): Promise<void> => {
  client.said = '';
  client.socket.write(text);
  await expect.poll(() => client.said).toBe(answer);
};
/** Says something, and hears nothing for a while. */
const isSilent = async (client: Client): Promise<boolean> => {
  client.said = '';
  client.socket.write('anybody?');
  await sleep(150); // a silence has to last
  return client.said === '' && client.end === undefined;
};

beforeEach(async () => {
  server = await startServer();
  proxy = await createProxy(server.port);
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await proxy.cut();
  await server.stop();
});

test('passes, and counts its connections', async () => {
  const [one, other] = [await openClient(), await openClient()];
  await say(one, 'a');
  await say(other, 'b');
  expect([proxy.open, proxy.accepted, proxy.upstream]).toEqual([2, 2, 2]);
  one.socket.end();
  await expect.poll(() => [proxy.open, proxy.upstream, one.end]).toEqual([1, 1, 'closed']);
  expect(proxy.accepted).toBe(2);
});

test('connections that exist stay silent for ever, those that come work', async () => {
  const old = await openClient();
  await say(old, 'a');
  proxy.silence();
  expect(await isSilent(old)).toBe(true);
  await say(await openClient(), 'b');
  proxy.resume();
  expect(await isSilent(old)).toBe(true);
  old.socket.destroy();
  await expect.poll(() => proxy.open).toBe(1);
  expect(server.sockets.size, 'the server does not learn that the client has gone').toBe(2);
});

test('everything is silent, also the end of a side', async () => {
  const old = await openClient();
  await say(old, 'a');
  proxy.silence({ fresh: true });
  const fresh = await openClient();
  for (const socket of server.sockets) socket.destroy();
  expect(await isSilent(old)).toBe(true);
  expect(await isSilent(fresh)).toBe(true);
  proxy.resume();
  await say(await openClient(), 'b');
});

test('what is stalled arrives later', async () => {
  const old = await openClient();
  await say(old, 'a');
  proxy.stall();
  const fresh = await openClient();
  expect(await isSilent(old)).toBe(true);
  expect(await isSilent(fresh)).toBe(true);
  proxy.resume();
  await expect.poll(() => [old.said, fresh.said]).toEqual(['ANYBODY?', 'ANYBODY?']);
});

test('holds packets back', async () => {
  const client = await openClient();
  await say(client, 'a');
  proxy.delay(100);
  const started = performance.now();
  await say(client, 'b');
  expect(performance.now() - started).toBeGreaterThanOrEqual(195); // there and back
  proxy.delay(0);
  await say(client, 'c');
});

test('resets both sides', async () => {
  const client = await openClient();
  await say(client, 'a');
  proxy.reset();
  await expect.poll(() => client.end).toBe('ECONNRESET');
  await expect.poll(() => server.sockets.size).toBe(0);
  await say(await openClient(), 'b');
});

test('cuts in the middle of a message', async () => {
  const client = await openClient();
  await say(client, 'a');
  proxy.cutNextAnswer();
  await say(client, 'message', 'MESSAG');
  await expect.poll(() => client.end).toBe('closed');
  await say(await openClient(), 'b');
});

test('leads to another server, refuses, and comes back', async () => {
  const client = await openClient();
  await say(client, 'a');
  const other = await startServer();
  proxy.retarget(other.port);
  await say(client, 'b');
  await say(await openClient(), 'c');
  expect([server.sockets.size, other.sockets.size]).toEqual([1, 1]);
  await proxy.cut();
  await expect.poll(() => client.end).toBe('closed');
  await expect(openClient()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await proxy.restore();
  await say(await openClient(), 'd');
  await other.stop();
});
