import { AsyncLocalStorage } from 'node:async_hooks';
import type { DatabaseConnection, SqlConnection } from './connections.js';

/** A piece of code that begins a transaction, as the code that it calls finds it. */
export interface TransactionScope {
  /** What holds the connection of that transaction. */
  owner?: object | undefined;
  /** Whether the transaction has ended. */
  isOver?: boolean;
  readonly outer: TransactionScope | undefined;
  /** Whether it does nothing but begin a transaction: a connection that is pinned may run several. */
  readonly isTransaction: boolean;
}

/** Where the scopes of a process are: several copies of this package have them in common. */
const KEY = Symbol.for('mikro-orm-web/transaction-scopes@1');

interface Scopes {
  readonly storage: AsyncLocalStorage<TransactionScope>;
  readonly patched: WeakSet<object>;
}

function scopes(): Scopes {
  const host = globalThis as { [KEY]?: Scopes };
  return (host[KEY] ??= { storage: new AsyncLocalStorage(), patched: new WeakSet() });
}

/** The innermost scope that has called this. Only for connections that {@link followTransactions} was called with. */
export const currentScope = (): TransactionScope | undefined => scopes().storage.getStore();

/** Makes the running code, and what it calls, part of the transaction of `owner`; returns what ends that. */
export function enterTransaction(owner: object): () => void {
  const entered: TransactionScope[] = [];
  // MikroORM's begin() calls Kysely's: all that has led here begins the same one
  for (
    let next = currentScope();
    next && (entered.length === 0 || (next.isTransaction && !next.owner));
    next = next.outer
  ) {
    entered.push(Object.assign(next, { owner, isOver: false }));
  }
  return () => entered.forEach(scope => Object.assign(scope, { owner: undefined, isOver: true }));
}

function nextScope(isTransaction: boolean): TransactionScope {
  let outer = currentScope();
  while (outer?.isOver) {
    outer = outer.outer;
  }
  return { outer, isTransaction };
}

type Callback = (...args: unknown[]) => unknown;
type Patchable = Record<string, Callback>;

/**
 * Lets {@link currentScope} tell which transactions the running code is part of, however they were begun: by MikroORM or
 * Kysely, with a callback or without. Once for each class; what runs outside of transactions is not slower for it.
 */
export function followTransactions(connection: SqlConnection): void {
  const { patched } = scopes();
  if (patched.has(connection)) {
    return;
  }
  patched.add(connection);
  const client = connection.getClient() as unknown as Record<
    'transaction' | 'connection' | 'startTransaction',
    () => object
  >;
  patch(connection, 'transactional', original => wrapCallback(original, true));
  patch(
    connection,
    'begin',
    original =>
      function (this: unknown, ...args) {
        const isNested = (args[0] as { ctx?: unknown } | undefined)?.ctx !== undefined;
        return isNested ? original.apply(this, args) : enterAnd(() => original.apply(this, args));
      },
  );
  patch(client.transaction(), 'execute', original => wrapCallback(original, true));
  patch(client.connection(), 'execute', original => wrapCallback(original, false));
  patch(
    client.startTransaction(),
    'execute',
    original =>
      function (this: unknown, ...args) {
        return enterAnd(() => original.apply(this, args));
      },
  );
}

function wrapCallback(original: Callback, isTransaction: boolean): Callback {
  return function (this: unknown, ...args) {
    return scopes().storage.run(nextScope(isTransaction), () => original.apply(this, args));
  };
}

/** What is begun without a callback goes on in the code behind the `await`: that inherits what is set now. */
function enterAnd<T>(work: () => T): T {
  scopes().storage.enterWith(nextScope(true));
  return work();
}

function patch(instance: object, method: string, wrap: (original: Callback) => Callback): void {
  let prototype: object | null = instance;
  while (prototype && !Object.hasOwn(prototype, method)) {
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  const { patched } = scopes();
  if (prototype && !patched.has((prototype as Patchable)[method]!)) {
    const host = prototype as Patchable;
    host[method] = wrap(host[method]!);
    patched.add(host[method]);
  }
}

/** What MikroORM or the app runs on each connection of a server's pool that is handed out; undefined where there is nothing. */
export function reserveHook(connection: SqlConnection): ((borrowed: DatabaseConnection) => Promise<void>) | undefined {
  const { options, config } = connection;
  const own = (options['onReserveConnection'] ?? config.get('onReserveConnection' as never)) as
    | ((borrowed: DatabaseConnection) => Promise<void>)
    | undefined;
  const { composeSessionContextOnReserve: compose } = connection as unknown as {
    composeSessionContextOnReserve?(hook: typeof own): NonNullable<typeof own>;
  };
  return compose && config.get('sessionContext' as never) === ('connection' as never)
    ? compose.call(connection, own)
    : own;
}
