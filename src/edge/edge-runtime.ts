import { RequestContext } from '@mikro-orm/core';
import { OrmConfigError } from '../errors.js';
import { contextStorage } from '../mikro-orm-internals.js';

const FLAG = 'compatibility_flags = ["nodejs_compat"]';
const DATE = 'compatibility_date = "2025-09-15" or later';
const WHERE = 'in wrangler.jsonc (or wrangler.toml)';

/** Throws where requests would share an EntityManager, or MikroORM could not run, and says which setting is missing. */
export function assertEdgeRuntime(): void {
  if ('EdgeRuntime' in globalThis) {
    throw new OrmConfigError(
      "createEdgeOrm runs on Cloudflare Workers, and this is another edge runtime. In Next.js, remove `export const runtime = 'edge'` and use createOrmSingleton of mikro-orm-web.",
    );
  }
  if (typeof globalThis.Buffer === 'undefined' || typeof globalThis.process?.getBuiltinModule !== 'function') {
    throw new OrmConfigError(`MikroORM needs modules of Node.js here. Set ${FLAG} and ${DATE} ${WHERE}.`);
  }
  // without the real one, MikroORM falls back to one store for all requests
  const { AsyncLocalStorage } = process.getBuiltinModule('node:async_hooks');
  if (!(contextStorage(RequestContext) instanceof AsyncLocalStorage)) {
    throw new OrmConfigError(
      `MikroORM found no real AsyncLocalStorage, so that requests would share an EntityManager. Set ${DATE} and ${FLAG} ${WHERE}.`,
    );
  }
}

/** Throws where no code can be generated, before an ORM is built: building one ties the entity classes to it. */
export function assertCodeGeneration(): void {
  try {
    // oxlint-disable-next-line no-new-func
    new Function('');
  } catch (cause) {
    throw new OrmConfigError(
      `MikroORM generates code, which is allowed here only while a worker starts. Call createEdgeOrm at module scope, not in a request, and set ${DATE} ${WHERE}.`,
      { cause },
    );
  }
}

/** What a query at module scope failed with, in terms of what to change. */
export function moduleScopeError(cause: unknown): unknown {
  return cause instanceof Error && /Disallowed operation called within global scope/.test(cause.message)
    ? new OrmConfigError(
        'A query ran at module scope, where Cloudflare Workers allow no input or output. Query within a request, and migrate by a deploy step.',
        { cause },
      )
    : cause;
}
