/** Errors that came after COMMIT had returned, from a subscriber say: the work is done, whatever their code says. */
const afterCommit = new WeakSet<object>();

/** Remembers that what `error` interrupted is committed, so that neither the server nor a client may repeat it. */
export function markAfterCommit(error: unknown): void {
  if (Object(error) === error) {
    afterCommit.add(error as object);
  }
}

export function isAfterCommit(error: unknown): boolean {
  return afterCommit.has(error as object);
}
