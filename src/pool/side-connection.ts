import {
  buildDialect,
  dropPoolHook,
  type DatabaseConnection,
  type KyselyDriver,
  type SqlConnection,
} from '../mikro-orm-internals.js';
import { within } from '../util/time-limit.js';
import { connectionLost } from './connection-lost.js';
import type { NativeClient } from './native/native-client.js';
import { nativeDriverOf } from './native/native-driver.js';
import type { PoolLimits } from './pool-options.js';

/** How long an orderly end may take, in ms. */
const GRACE = 1_000;

/** One connection to a server beside its pool, with the settings of `owner`: nothing that it does takes a slot or waits for one. */
export class SideConnection {
  readonly #driver: KyselyDriver;
  readonly #connection: DatabaseConnection;
  readonly #client: NativeClient | undefined;

  private constructor(driver: KyselyDriver, connection: DatabaseConnection, client: NativeClient | undefined) {
    this.#driver = driver;
    this.#connection = connection;
    this.#client = client;
  }

  /** Rejects where it takes longer than `limits.connectTimeout`, or `ms`. */
  static async open(
    owner: SqlConnection,
    packages: readonly string[],
    limits: PoolLimits,
    ms = limits.connectTimeout,
  ): Promise<SideConnection> {
    dropPoolHook(owner);
    const driver = (await buildDialect(owner)).createDriver();
    owner.connected = true;
    await driver.init();
    let client: NativeClient | undefined;
    const pool = nativeDriverOf(packages)?.observe(await owner.getNativeClient(), limits, () => admitted => {
      client = admitted;
      return true;
    });
    try {
      const connection = await within(ms, driver.acquireConnection(), connectionLost);
      return new SideConnection(driver, connection, client);
    } catch (error) {
      pool?.destroy();
      driver.destroy().catch(() => undefined);
      throw error;
    }
  }

  /** Runs one statement; returns its rows. */
  async ask(sql: string): Promise<Record<string, unknown>[]> {
    const query = { sql, parameters: [], query: { kind: 'RawNode' }, queryId: {} };
    return ((await this.#connection.executeQuery(query)) as { rows: Record<string, unknown>[] }).rows;
  }

  /** The server that it leads to; see {@link NativeClient.server}. */
  async identify(sql: string): Promise<string | undefined> {
    const [row] = await this.ask(sql);
    return Number(row?.['session']) === this.#client?.session ? String(row?.['server']) : undefined;
  }

  /** Whether it has ended, as far as this process has heard. */
  get isEnded(): boolean {
    return this.#client?.isEnded() ?? false;
  }

  /** Calls `listener` when it ends. */
  onEnd(listener: () => void): void {
    this.#client?.onEnd(listener);
  }

  /** Ends it in order, or at once where that takes too long. */
  async close(): Promise<void> {
    const ending = (async () => {
      await this.#driver.releaseConnection(this.#connection);
      await this.#driver.destroy();
    })();
    await within(GRACE, ending).catch(() => this.destroy());
  }

  /** Closes its socket. */
  destroy(): void {
    this.#client?.destroy();
    this.#driver.destroy().catch(() => undefined);
  }
}
