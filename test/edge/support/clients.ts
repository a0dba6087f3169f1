import { connect } from 'node:net';

/** Sends a request, and resets its connection after `ms`, as a client does that leaves in the middle. */
export function sendAndReset(url: string, path: string, ms: number): Promise<void> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\n\r\n`);
      setTimeout(() => socket.resetAndDestroy(), ms);
    });
    socket.once('close', () => resolve());
    socket.once('error', reject);
    socket.resume();
  });
}
