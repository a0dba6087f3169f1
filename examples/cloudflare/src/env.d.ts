declare namespace Cloudflare {
  interface Env {
    DB: D1Database;
    GUESTBOOK: DurableObjectNamespace<import('./guestbook.ts').Guestbook>;
    /** Absent where there is no PostgreSQL. */
    HYPERDRIVE?: Hyperdrive;
  }
}
