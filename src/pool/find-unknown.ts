import type { NativeClient, NativeDriver } from './native/native-client.js';
import type { SideConnection } from './side-connection.js';

/**
 * Asks the server, on a connection of its own, which of these clients it has and does not work for; undefined where it cannot
 * tell: another server has answered, or a pooler is in between.
 */
export async function findUnknown(
  clients: readonly NativeClient[],
  native: NativeDriver,
  open: () => Promise<SideConnection>,
): Promise<ReadonlySet<NativeClient> | undefined> {
  const known = clients.filter(({ server, session }) => server !== undefined && session !== undefined);
  const side = await open();
  try {
    const server = known.length > 0 && (await side.identify(native.identify));
    const here = known.filter(client => client.server === server);
    if (here.length === 0) {
      return undefined;
    }
    const rows = await side.ask(native.sessions(here.map(({ session }) => session!)));
    const idle = new Set(
      rows.filter(({ works }) => works === false || works === 0).map(({ session }) => Number(session)),
    );
    return new Set(here.filter(({ session }) => idle.has(session!)));
  } finally {
    await side.close();
  }
}
