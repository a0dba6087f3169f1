import { followTransactions, reserveHook, type DatabaseConnection } from '../mikro-orm-internals.js';
import type { LeaseSource } from '../pool/lease-source.js';
import type { PoolUser } from '../pool/pool-user.js';
import type { SharedPool } from '../pool/shared-pool.js';
import { warn } from '../util/warn.js';
import { CallSite } from './call-site.js';
import type { SandboxDatabase } from './databases/sandbox-database.js';
import { rawQuery } from './raw-query.js';
import { SandboxConnection } from './sandbox-connection.js';
import { SandboxLease } from './sandbox-lease.js';
import type { SandboxOwner } from './sandbox-owner.js';
import { splitStatements } from './statements.js';
import { Turns } from './turns.js';

/** What a {@link Sandbox} is made of. */
export interface SandboxParts {
  readonly pool: SharedPool;
  readonly user: PoolUser;
  readonly database: SandboxDatabase;
  /** Where it was opened. */
  readonly place: CallSite;
  /** Makes pools lease from their drivers again. */
  readonly undivert: () => void;
}

/** One connection with one open transaction, which all borrowers take turns on. */
export class Sandbox implements LeaseSource, SandboxOwner {
  readonly turns: Turns;
  readonly database: SandboxDatabase;
  readonly connection: SandboxConnection;
  readonly #parts: SandboxParts;
  readonly #said = new Set<string>();
  #opening: Promise<void> | undefined;
  #reservedFor: object | undefined;
  #ending: Promise<void> | undefined;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.database = parts.database;
    this.connection = new SandboxConnection(parts.pool, parts.user, parts.database);
    this.turns = new Turns(parts.pool.acquireTimeout);
  }

  /** Borrows the connection, and begins the transaction. What is leased meanwhile waits for that. */
  open(): Promise<void> {
    this.#opening ??= this.connection.open();
    return this.#opening;
  }

  get busy(): number {
    return this.turns.size;
  }

  async lease(user: PoolUser): Promise<SandboxLease> {
    const place = new CallSite(); // before the first `await`, which loses it
    await this.open();
    this.assertUsable(user);
    const lease = new SandboxLease(this, user, place);
    followTransactions(user.connection);
    if (this.#hookOf(user)) {
      await lease.inTurn(async () => undefined); // what the hook throws is thrown to the borrower
    }
    return lease;
  }

  async executeDump(user: PoolUser, dump: string): Promise<void> {
    await this.open();
    const { holder } = this.turns;
    const running =
      holder instanceof SandboxLease && holder.isInTransaction && holder.user === user ? holder : undefined;
    const lease = running ?? (await this.lease(user));
    try {
      for (const sql of splitStatements(dump, this.database.syntax)) {
        await lease.executeQuery(rawQuery(sql));
      }
    } finally {
      await (running ? undefined : lease.release());
    }
  }

  async assertNativeClient(user: PoolUser): Promise<void> {
    await this.open();
    // the handle of an embedded database is the connection that the sandbox has
    if (this.connection.isOfServer) {
      throw user.errors.sandbox(
        'getNativeClient() gives a pool, whose other connections a sandbox could not undo. Use connection.getClient() or em.getKysely(), which are in it; test what needs the pool against a database from createTestDatabase().',
      );
    }
  }

  assertUsable(user: PoolUser): void {
    if (this.#ending) {
      throw user.errors.sandbox(
        `The sandbox that was opened at ${String(this.#parts.place)} is rolled back already: something has outlived its test. Await all that a test starts before rollback().`,
      );
    }
    const { lost } = this.connection;
    if (lost) {
      throw user.errors.sandbox(
        'The sandbox has lost its transaction, and what the test had written with it: the cause says why. Other tests are not concerned.',
        lost.cause,
      );
    }
  }

  /** Says once what means nothing here. */
  say(user: PoolUser, message: string): void {
    if (!this.#said.has(message)) {
      this.#said.add(message);
      warn(user.connection.config, message);
    }
  }

  /** Makes the connection what a pool would have made it for `lease`. */
  async reserve(lease: { readonly user: PoolUser }): Promise<void> {
    const { pool } = this.#parts;
    pool.serve(lease.user);
    const hook = this.#hookOf(lease.user);
    if (hook && this.#reservedFor !== lease) {
      this.#reservedFor = lease;
      const held = this.connection.lease;
      const borrowed: DatabaseConnection = {
        executeQuery: (query, options) => held.executeQuery(query, options),
        streamQuery: (query, size, options) => held.streamQuery(query, size, options),
      };
      try {
        await hook(borrowed);
        await this.connection.keep();
      } catch (error) {
        this.#reservedFor = undefined;
        await this.connection.undo();
        throw error;
      }
    }
  }

  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    await this.#opening; // and now `#ending` is set: what comes from now on is refused
    this.turns.rejectAll(({ user }) => user.errors.closed());
    await this.connection.close(this.#parts.undivert);
  }

  #hookOf(user: PoolUser): ReturnType<typeof reserveHook> {
    // Kysely's drivers of embedded databases know no such hook
    return this.connection.isOfServer ? reserveHook(user.connection) : undefined;
  }
}
