/** `ctx.storage` of a Durable Object with SQLite: the part of Cloudflare's `DurableObjectStorage` that is used here. */
export interface DurableObjectStorageLike {
  readonly sql: { exec(sql: string, ...values: unknown[]): { toArray(): unknown[] } };
  transaction<T>(work: () => Promise<T>): Promise<T>;
}
