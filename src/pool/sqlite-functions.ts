/** A handle of better-sqlite3, as far as functions of SQL are concerned. */
interface Handle {
  function(name: string, options: object, implementation: (...args: unknown[]) => unknown): void;
}

interface Definition {
  readonly options: object;
  /** How many arguments SQLite lets a statement pass. */
  readonly arity: number;
  readonly implementations: WeakMap<object, (...args: unknown[]) => unknown>;
}

/**
 * Functions of SQL that ORMs define on their one shared handle (MikroORM's routines). Under one name each ORM has its own:
 * module graphs have copies of one function that close over different modules. SQLite calls a function while it runs a
 * statement, so that the borrower of that moment tells which is meant.
 */
export class SqliteFunctions {
  readonly #definitions = new Map<string, Definition>();
  readonly #borrower: () => object | undefined;

  constructor(borrower: () => object | undefined) {
    this.#borrower = borrower;
  }

  /** The handle as the ORM of `borrower` sees it. */
  handleFor(native: unknown, borrower: object): unknown {
    if (typeof (native as Partial<Handle> | undefined)?.function !== 'function') {
      return native;
    }
    const define: Handle['function'] = (name, options, implementation) => {
      const { length: arity } = implementation;
      const before = this.#definitions.get(name);
      const known = before?.arity === arity ? before : undefined;
      const definition = known ?? { options, arity, implementations: before?.implementations ?? new WeakMap() };
      definition.implementations.set(borrower, implementation);
      if (!known) {
        this.#definitions.set(name, definition);
        this.#define(native as Handle, name, definition);
      }
    };
    return Object.create(native as object, { function: { value: define } });
  }

  /** Defines all functions on a handle that was opened anew. */
  restore(native: unknown): void {
    for (const [name, definition] of this.#definitions) {
      this.#define(native as Handle, name, definition);
    }
  }

  #define(native: Handle, name: string, { options, implementations, arity }: Definition): void {
    const dispatch = (...args: unknown[]): unknown => {
      const implementation = implementations.get(this.#borrower() ?? native);
      if (!implementation) {
        throw new Error(`no such function: ${name}`);
      }
      return implementation(...args);
    };
    native.function(name, options, Object.defineProperty(dispatch, 'length', { value: arity }));
  }
}
