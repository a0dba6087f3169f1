import { diagnostics, type PoolMessage } from '../channels.js';
import { textWithoutValues } from './text-without-values.js';

/** Whose statements they are. */
export interface QuerySource extends PoolMessage {
  /** Its text is MySQL's. */
  readonly isMysql: boolean;
}

/** Runs a statement, and tells how long it took. To be called where somebody has subscribed. */
export async function tellQuery<T>(source: QuerySource, query: unknown, work: () => Promise<T>): Promise<T> {
  const since = performance.now();
  try {
    const result = await work();
    publish(source, query, since);
    return result;
  } catch (error) {
    publish(source, query, since, error);
    throw error;
  }
}

/** The same for a stream, from its first row to its end. */
export async function* tellStream<T>(
  source: QuerySource,
  query: unknown,
  rows: AsyncIterableIterator<T>,
): AsyncIterableIterator<T> {
  const since = performance.now();
  let failure: { error: unknown } | undefined;
  try {
    yield* rows;
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    publish(source, query, since, failure?.error);
  }
}

/** `query` is a text, or what Kysely has compiled. */
function publish({ name, role, isMysql }: QuerySource, query: unknown, since: number, error?: unknown): void {
  const duration = performance.now() - since;
  const sql = typeof query === 'string' ? query : String((query as { sql?: unknown } | undefined)?.sql ?? '');
  diagnostics.query.publish({
    name,
    role,
    text: textWithoutValues(sql, isMysql),
    duration,
    ...(error === undefined ? {} : { error: nameOf(error) }),
  });
}

/** Never the message: drivers write values into it. */
function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? String(code) : String(name ?? 'Error');
}
