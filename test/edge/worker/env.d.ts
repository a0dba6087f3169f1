declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    STORE: DurableObjectNamespace;
    HYPERDRIVE: Hyperdrive;
    LIBSQL_URL: string;
  }
}
