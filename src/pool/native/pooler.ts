import { within } from '../../util/time-limit.js';

/** The parts of `Client` of pg that are used here; seen in pg 8.11 to 8.23. */
interface PgClient {
  /** What the server gave the client to cancel its queries with: of PostgreSQL, the id of the process behind it. */
  readonly processID?: number | null;
  connect(): Promise<unknown>;
  query(sql: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

/** The parts of `Pool` of pg that are used here. */
interface PgPool {
  readonly Client: new (options: unknown) => PgClient;
  readonly options: { readonly options?: string | undefined; readonly [name: string]: unknown };
}

/** What stands between a pool of pg and PostgreSQL. */
export interface Pooler {
  /** Whether a connection of the server serves another client after each transaction; false where nothing proves it. */
  readonly poolsTransactions: boolean;
  /** Settings of the pool that are not in force at the server, as they were asked for. */
  readonly lost: readonly string[];
}

/** How often two clients are asked for the server's process. */
const ROUNDS = 5;

/** Milliseconds to wait for a connection, which a pooler may not have. */
const LIMIT = 2_000;

/**
 * Finds a pooler such as PgBouncer in front of PostgreSQL; undefined if there is none. It makes up the keys to cancel by, so
 * that a client's process id is not the one that its queries run in. If it pools sessions, a client keeps its process, and no
 * other client has it; a process that serves two clients proves the opposite. Sends SELECTs only, on connections of its own.
 */
export async function findPooler(pool: unknown): Promise<Pooler | undefined> {
  const { Client, options } = pool as PgPool;
  const clients: PgClient[] = [];
  const open = async (): Promise<PgClient> => {
    const client = new Client(options);
    client.on('error', () => undefined); // it is reported by the query
    clients.push(client);
    await client.connect();
    return client;
  };
  try {
    // a pooler of sessions may have no connection left
    const first = await within(LIMIT, open()).catch(() => undefined);
    const pid = first && (await within(LIMIT, readProcess(first)).catch(() => undefined));
    if (!first?.processID || pid === undefined || pid === first.processID) {
      return undefined;
    }
    const poolsTransactions = await within(
      LIMIT,
      open().then(second => shareProcess(first, second)),
    ).catch(() => false);
    return { poolsTransactions, lost: await findLost(first, options) };
  } finally {
    await Promise.all(clients.map(client => within(LIMIT, client.end()).catch(() => undefined)));
  }
}

async function readProcess(client: PgClient): Promise<number> {
  const { rows } = await client.query('select pg_backend_pid() as pid');
  return Number(rows[0]!['pid']);
}

async function shareProcess(first: PgClient, second: PgClient): Promise<boolean> {
  const seen: [Set<number>, Set<number>] = [new Set(), new Set()];
  for (let round = 0; round < ROUNDS; round++) {
    seen[0].add(await readProcess(first));
    seen[1].add(await readProcess(second));
    if (seen.some(({ size }) => size > 1) || [...seen[0]].some(pid => seen[1].has(pid))) {
      return true;
    }
  }
  return false;
}

/** Driver options that pg asks of the server when it connects; a pooler may leave them out. In ms. */
const TIMEOUTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

async function findLost(client: PgClient, options: PgPool['options']): Promise<string[]> {
  const wanted = TIMEOUTS.filter(name => options[name]).map((name): [string, string] => [name, String(options[name])]);
  for (const [, name, value] of (options.options ?? '').matchAll(/(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/g)) {
    wanted.push([name!.replaceAll('-', '_'), value!.replace(/\\(.)/g, '$1')]);
  }
  const lost: string[] = [];
  for (const [name, value] of wanted) {
    if (!(await isInForce(client, name, value))) {
      lost.push(`${name}=${value}`);
    }
  }
  return lost;
}

/** `set_config` answers with the value as the server writes it (5000 is 5s), and is undone with its own statement. */
async function isInForce(client: PgClient, name: string, value: string): Promise<boolean> {
  const read = async (sql: string, values: string[]): Promise<unknown> =>
    (await client.query(sql, values)).rows[0]!['value'];
  const current = await read('select current_setting($1, true) as value', [name]);
  const asked = await read('select set_config($1, $2, true) as value', [name, value]).catch(() => current);
  return current === asked;
}
