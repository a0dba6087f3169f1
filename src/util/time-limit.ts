/** What `work` resolves with; rejects with `late()` where that takes longer than `ms`, which may be Infinity. */
export async function within<T>(
  ms: number,
  work: Promise<T>,
  late: () => Error = () => new Error(`No answer within ${ms} ms`),
): Promise<T> {
  if (ms === Infinity) {
    return work;
  }
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    // after what has come in meanwhile is read: a migration that computes, or a machine that slept, kept all waiting
    timer = setTimeout(() => setImmediate(() => reject(late())), ms);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}
