import { assertNumber } from '../util/assert-number.js';
import { OrmClosedError } from '../errors.js';
import { mapOrmError } from '../problems/map-orm-error.js';
import type { AnyOrm } from '../orm-source.js';
import { connectionLost } from '../pool/connection-lost.js';
import { nativeDriverOf } from '../pool/native/native-driver.js';
import { within } from '../util/time-limit.js';

/** How to wait for a database that is still starting. */
export interface ConnectOptions {
  /** How often to try. @default 1 */
  attempts?: number | undefined;
  /** Milliseconds before the second try; it doubles with each further one. @default 500 */
  delay?: number | undefined;
}

/** What opening a database needs. */
interface Opener {
  /** Creates the database; without it, a missing one is an error. */
  create: (() => Promise<void>) | undefined;
  /** Throws once there is nothing to wait for any more. */
  assertOpen: () => void;
}

/** Waits for the database, and creates it where it is missing. */
export async function openDatabase(
  orm: AnyOrm,
  { create, assertOpen }: Opener,
  { attempts = 1, delay = 500 }: ConnectOptions = {},
): Promise<void> {
  assertNumber('connect.attempts', attempts, 1);
  assertNumber('connect.delay', delay);
  for (let attempt = 1; ; attempt++) {
    try {
      await answer(orm);
      return;
    } catch (error) {
      if (create && isMissing(error)) {
        await create();
        await answer(orm);
        return;
      }
      // a wrong password does not heal by waiting, and has no retryAfter
      if (
        error instanceof OrmClosedError ||
        attempt >= attempts ||
        mapOrmError(error, { orm })?.retryAfter === undefined
      ) {
        throw error;
      }
      await pause(delay * 2 ** (attempt - 1), assertOpen);
    }
  }
}

/** Waits `ms`, and no longer than `assertOpen` lets it. */
async function pause(ms: number, assertOpen: () => void): Promise<void> {
  const end = performance.now() + ms;
  for (let left = ms; left > 0; left = end - performance.now()) {
    assertOpen();
    await new Promise(resolve => setTimeout(resolve, Math.min(left, 100)));
  }
  assertOpen();
}

/** Connects, and asks the database for an answer: MikroORM's `connect()` resolves also when the server is down. */
export async function answer(orm: AnyOrm): Promise<void> {
  await orm.connect();
  const check = await orm.checkConnection();
  if (!check.ok) {
    throw check.error ?? new Error(check.reason);
  }
}

/** How long a command waits for a server to answer at all, in ms. */
const SILENCE = 10_000;

/** Rejects where a server does not answer: a command that only looks would wait for ever. */
export async function assertAnswers(orm: AnyOrm): Promise<void> {
  if (nativeDriverOf(orm.driver.getDependencies())) {
    await within(SILENCE, answer(orm), connectionLost);
  }
}

/** The server has no database of this name, which MikroORM then creates: PostgreSQL, MySQL; PGlite says no code. */
function isMissing(error: unknown): boolean {
  const { code, errno, message } = error as { code?: unknown; errno?: unknown; message?: unknown };
  return code === '3D000' || errno === 1049 || message === 'PGlite failed to initialize properly';
}

/** Another process created the database, or its schema, at the same time. */
export function isAlreadyThere(error: unknown): boolean {
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  return code === '23505' || code === '42P04' || errno === 1007;
}
