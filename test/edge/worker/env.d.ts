declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    STORE: DurableObjectNamespace;
    HYPERDRIVE: Hyperdrive;
  }
}
