/** A lock in a database, for one holder among all processes and machines. The database frees it when the holder dies. */
export interface DatabaseLock {
  tryAcquire(): Promise<boolean>;
  /** Says where to find the process that holds the lock, for operators: it may name users and addresses. */
  findHolder(): Promise<string>;
  /** Uses the connection behind the lock; rejects where it is gone, and the lock with it. */
  touch(): Promise<void>;
  /** Whether that connection has ended, as far as this process has heard. */
  isLost(): boolean;
  /** Calls `listener` when it ends. */
  onLost(listener: () => void): void;
  /** Gives it up, also where it was not acquired. */
  close(): Promise<void>;
}

/** What a look at a lock tells. */
export interface LockState {
  readonly held: boolean;
  /** Where to find the process that holds it. For operators. */
  readonly holder?: string | undefined;
}
