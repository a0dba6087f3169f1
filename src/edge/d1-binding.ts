/** A prepared statement of D1: the part of Cloudflare's `D1PreparedStatement` that is used here. */
export interface D1Statement {
  bind(...values: unknown[]): D1Statement;
  all(): Promise<D1Answer>;
}

/** The answer to a statement of D1. */
export interface D1Answer {
  results: unknown[];
  meta: { changes?: number; last_row_id?: number };
}

/** The binding of a D1 database: Cloudflare's `D1Database`, or what stands for it in Node.js. */
export interface D1Binding {
  prepare(sql: string): D1Statement;
  batch(statements: D1Statement[]): Promise<unknown>;
}
