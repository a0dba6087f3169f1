import type { EntityManager, ForkOptions } from '@mikro-orm/core';
import type { AnyOrm } from '../orm-source.js';
import { runningContext, runningTransaction, type ContextLookup } from './contexts.js';

/** The parts of a driver of `@mikro-orm/sql` that choose a connection. Its fields are not private, so that it can be inherited. */
interface SqlDriver {
  getConnection(type?: 'read' | 'write'): unknown;
  resolveConnectionType(args: { ctx?: unknown; connectionType?: 'read' | 'write' }): 'read' | 'write';
  createQueryBuilder(...args: QueryBuilderArguments): unknown;
  execute(...args: unknown[]): unknown;
}

type QueryBuilderArguments = [
  entityName: unknown,
  ctx: unknown,
  type: 'read' | 'write' | undefined,
  convertCustomTypes: unknown,
  loggerContext: unknown,
  alias: unknown,
  em?: EntityManager,
];

type Forking = Omit<EntityManager, 'driver' | 'fork' | 'getContext'> & {
  driver: unknown;
  fork(options?: ForkOptions): unknown;
  getContext(validate: boolean): unknown;
};

/** The drivers of units of work, by which they are told from the driver of their ORM. */
const ofUnits = new WeakSet<object>();

/**
 * Lets a unit of work read what it has written: once it has used the primary (a write, a transaction, raw SQL), its reads go
 * there, too, as a replica may lag behind. Where a query asks for `connectionType: 'read'`, it gets that. For an ORM with
 * replicas.
 *
 * MikroORM hands the driver from an EntityManager to its forks and its units of work, and all of them ask it for a connection.
 * So each fork gets a driver of its own, which inherits from the ORM's and remembers; a transaction is the same unit of work.
 */
export function readOwnWrites(orm: AnyOrm): void {
  const driver = orm.driver as unknown as SqlDriver;
  const getConnection = driver.getConnection.bind(driver);
  const createQueryBuilder = driver.createQueryBuilder;
  const execute = driver.execute;
  const lookup = orm.config.get('context') as ContextLookup;
  const name = orm.config.get('contextName');

  /** The driver of a unit of work; undefined for an EntityManager that is none. */
  const unitOf = (em: EntityManager | undefined): SqlDriver | undefined => {
    const own = em?.getDriver() as unknown as SqlDriver | undefined;
    return own && ofUnits.has(own) ? own : undefined;
  };
  const running = (): SqlDriver | undefined => unitOf(runningTransaction(name) ?? runningContext(name, lookup));

  const openUnit = (): SqlDriver => {
    let hasWritten = false;
    const own: SqlDriver = Object.assign(Object.create(driver) as SqlDriver, {
      getConnection(type: 'read' | 'write' = 'write') {
        hasWritten ||= type === 'write';
        return getConnection(type);
      },
      resolveConnectionType(args: Parameters<SqlDriver['resolveConnectionType']>[0]) {
        return hasWritten && !args.connectionType ? ('write' as const) : driver.resolveConnectionType(args);
      },
      createQueryBuilder(this: SqlDriver, ...args: QueryBuilderArguments) {
        const [entityName, ctx, type, ...rest] = args;
        return createQueryBuilder.call(this, entityName, ctx, type ?? (hasWritten ? 'write' : undefined), ...rest);
      },
      execute(this: SqlDriver, ...args: unknown[]) {
        hasWritten = true;
        return execute.apply(this, args);
      },
    });
    ofUnits.add(own);
    return own;
  };

  // what reaches the driver by the global EntityManager belongs to the context that runs
  driver.getConnection = type => (running()?.getConnection ?? getConnection)(type);
  driver.execute = (...args) => execute.apply(running() ?? driver, args);
  driver.createQueryBuilder = (...args) =>
    (args[6] && unitOf(args[6].getContext(false)))?.createQueryBuilder(...args) ??
    createQueryBuilder.apply(driver, args);

  const watch = (em: Forking): void => {
    const fork = em.fork.bind(em);
    em.fork = (options?: ForkOptions) => {
      const source = (options?.disableContextResolution ? em : em.getContext(false)) as Forking;
      const before = source.driver;
      source.driver = options?.clear === false && ofUnits.has(before as object) ? before : openUnit();
      try {
        const forked = fork(options) as Forking;
        watch(forked);
        return forked;
      } finally {
        source.driver = before;
      }
    };
  };
  watch(orm.em as unknown as Forking);
}
