import type { NativePool } from './native/native-client.js';

/** How long idle connections may take to end in order, in ms. */
const GRACE = 1_000;

/**
 * Waits until the driver's pool has ended. Idle connections that take longer than a moment, as the server does not answer, are
 * thrown away: mysql2 would wait for them, and pg leaves their sockets open, so that the process would not end. Those that are
 * borrowed have their time.
 */
export function endInTime(ending: Promise<void>, pool: NativePool | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const sweep = setInterval(() => {
      const clients = [...(pool?.clients() ?? [])];
      const borrowed = clients.filter(({ isBorrowed }) => isBorrowed);
      for (const client of clients.filter(({ isBorrowed }) => !isBorrowed)) {
        client.destroy();
      }
      if (borrowed.length === 0) {
        clearInterval(sweep);
        resolve();
      }
    }, GRACE).unref();
    // of a server, it is a connection that could not even be opened which fails to end
    ending.then(resolve, pool ? () => resolve() : reject);
  });
}
