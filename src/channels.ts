/**
 * Names of the `node:diagnostics_channel` channels on which this library says what happens; {@link ChannelMessages} are the
 * messages. Where OpenTelemetry's semantic conventions have a metric for it, the channel has the metric's name after the
 * colon. What nobody has subscribed to costs nothing.
 *
 * A subscriber is called at once, before the code that it is about goes on, and in its async context. If it throws, Node.js
 * reports an uncaught exception: the library goes on.
 *
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import { channels, type ChannelMessages } from 'mikro-orm-web';
 *
 * subscribe(channels.connectionAcquired, message => {
 *   const { name, role, wait } = message as ChannelMessages['connectionAcquired'];
 *   if (wait > 100) console.warn(`${name} (${role}): waited ${wait.toFixed()} ms for a connection`);
 * });
 * ```
 */
export const channels = {
  connectionAcquired: 'mikro-orm-web:db.client.connection.wait_time',
  connectionReleased: 'mikro-orm-web:db.client.connection.use_time',
  connectionTimeout: 'mikro-orm-web:db.client.connection.timeouts',
  connectionLost: 'mikro-orm-web:db.client.connection.lost',
  validationFailed: 'mikro-orm-web:db.client.connection.validation_failed',
  query: 'mikro-orm-web:db.client.operation.duration',
  transactionRetried: 'mikro-orm-web:transaction.retried',
  unitOfWorkBegan: 'mikro-orm-web:unit_of_work.began',
  unitOfWorkEnded: 'mikro-orm-web:unit_of_work.ended',
  unitOfWorkLeaked: 'mikro-orm-web:unit_of_work.leaked',
  migrationLockWaiting: 'mikro-orm-web:migration_lock.waiting',
  migrationLockHeld: 'mikro-orm-web:migration_lock.held',
  migrationLockLost: 'mikro-orm-web:migration_lock.lost',
  migrationLockReleased: 'mikro-orm-web:migration_lock.released',
} as const;

/** What every message says. */
export interface OrmMessage {
  /** The name of the ORM, its `contextName`. */
  readonly name: string;
}

/** What every message of a pool says. */
export interface PoolMessage extends OrmMessage {
  /** `write`, or `read 0`, `read 1` … for the replicas. */
  readonly role: string;
}

/** The messages of {@link channels}, under the same keys. All times are in milliseconds. */
export interface ChannelMessages {
  /** A connection was borrowed, after `wait`. */
  connectionAcquired: PoolMessage & { readonly wait: number };
  /** A connection was given back, after `use`. */
  connectionReleased: PoolMessage & { readonly use: number };
  /** None was free within `pool.acquireTimeout`, `wait`; nor did an attempt to connect fail, which is no matter of the pool's. */
  connectionTimeout: PoolMessage & { readonly wait: number };
  /** A connection in use has ended, or the server knew nothing of the query that waited on it. */
  connectionLost: PoolMessage & { readonly reason: 'ended' | 'no-answer' };
  /** A connection that was idle for `idle` had ended, or did not answer, and was replaced before anybody used it. */
  validationFailed: PoolMessage & { readonly reason: 'ended' | 'no-answer'; readonly idle: number };
  /**
   * A statement, a stream, or BEGIN and its like was answered. `text` has `?` in place of every literal, as MikroORM writes
   * values into the text; parameters are never told. `error` is the driver's code, or the name of the error.
   */
  query: PoolMessage & { readonly text: string; readonly duration: number; readonly error?: string | undefined };
  /** `retryTransaction` tries again after its attempt number `attempt`, which failed with the problem `code`. */
  transactionRetried: OrmMessage & { readonly attempt: number; readonly code: string };
  /** `withRequestContext` or `openEm` has opened an EntityManager. */
  unitOfWorkBegan: OrmMessage;
  /** It was ended, after `duration`. Only of those that began with a subscriber. */
  unitOfWorkEnded: OrmMessage & { readonly duration: number };
  /** One is open for longer than `pool.leakAfter`: once each, with the `stack` of what opened it. */
  unitOfWorkLeaked: OrmMessage & { readonly age: number; readonly stack: string };
  /** Another process migrates: this one waits. */
  migrationLockWaiting: OrmMessage;
  /** The lock is held, after `wait`. */
  migrationLockHeld: OrmMessage & { readonly wait: number };
  /** Its connection has died: the run is stopped. */
  migrationLockLost: OrmMessage;
  /** It was given up, after `duration`, or was lost by then. */
  migrationLockReleased: OrmMessage & { readonly duration: number };
}

/** A channel as the code that publishes on it sees it: messages are made only where somebody has subscribed. */
interface Publisher<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

type Publishers = { readonly [Key in keyof ChannelMessages]: Publisher<ChannelMessages[Key]> };

/** For runtimes without the module: nobody can subscribe there. */
const SILENT: Publisher<unknown> = { hasSubscribers: false, publish: () => undefined };

// never imported: the main entry is loaded in edge runtimes, too
const node = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel');

/** All channels, by the same keys. Held here, as Node.js holds them weakly. */
export const diagnostics = Object.fromEntries(
  Object.entries(channels).map(([key, name]) => [key, node?.channel(name) ?? SILENT]),
) as unknown as Publishers;
