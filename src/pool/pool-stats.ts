/** Connections of the pools of one role. */
export interface PoolStats {
  /** That the driver has open. */
  open: number;
  /** That somebody has borrowed. */
  busy: number;
  /** That are open, and free to be borrowed. */
  idle: number;
  /** Borrowers that wait for one. */
  waiting: number;
  /** That there may be, by the config's `pool.max`; 0 before the pool was opened. An embedded database has one handle. */
  max: number;
}

/** Of a pool that was not opened. */
export const NO_CONNECTIONS: Readonly<PoolStats> = { open: 0, busy: 0, idle: 0, waiting: 0, max: 0 };

/** Of two pools of one role: in development, where settings were edited, say. */
export function sumOf(one: PoolStats, other: PoolStats): PoolStats {
  return {
    open: one.open + other.open,
    busy: one.busy + other.busy,
    idle: one.idle + other.idle,
    waiting: one.waiting + other.waiting,
    max: one.max + other.max,
  };
}
