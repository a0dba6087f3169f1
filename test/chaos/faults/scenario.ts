import { killConnections, onServer, type DatabaseConfig } from '../../support/databases.js';
import { freeze, thaw } from '../../support/processes.js';
import { createProxy, type Proxy } from '../../support/proxy.js';
import { startServer, type OwnServer } from '../../support/servers.js';
import { createAccounts } from './accounts.js';
import { startApp, type App } from './app-process.js';
import type { Kind, Outcome, PoolOptions, Settings } from './app.js';
import { count, describeReasons, type Row } from './table.js';

export type Driver = Settings['driver'];
export type Mode = Settings['mode'];

export const DRIVERS: Driver[] = ['postgresql', 'mariadb'];
export const PORTS = { postgresql: 5432, mariadb: 3306 };

export const POOL = 8;

/** Small, as the tests wait for them; large enough for a busy machine. In ms. */
export const LIMITS = {
  validateAfter: 100,
  validateTimeout: 500,
  acquireTimeout: 4_000,
  connectTimeout: 1_500,
  queryTimeout: 2_000,
} satisfies PoolOptions;

/** Where all requests succeed, none of these must come first on a busy machine. */
export const PATIENT = { acquireTimeout: 12_000, connectTimeout: 10_000, queryTimeout: 10_000 } satisfies PoolOptions;

/**
 * When a request hangs: of ours, after more than all that it may wait for (a connection, a ping, a new connection, some
 * statements) on a busy machine; of the hand-written pattern, which knows no limits, after what no test should wait for. In ms.
 */
const HANGS_AFTER: Record<Mode, number> = { ours: 14_000, 'hand-written': 3_000 };

/** How long `close()` may take beyond the drain, and then the end of the process. In ms. */
const CLOSES_WITHIN: Record<Mode, number> = { ours: 5_000, 'hand-written': 2_000 };

/** How long an app may take to heal. In ms. */
const HEALS_WITHIN: Record<Mode, number> = { ours: 10_000, 'hand-written': 1_000 };

/** What a scenario has in its hands. */
export interface Stage {
  readonly app: App;
  readonly proxy: Proxy;
  /** Of the database, without the proxy. */
  readonly config: DatabaseConfig;
  /** The server, where the scenario has one of its own. */
  readonly server: OwnServer;
  /** Is called when all has ended. */
  later(end: () => unknown): void;
  /** Ends the app's connections on the server. */
  killBackends(): Promise<number>;
  /** Runs SQL beside the app. */
  sql<T = void>(text: string): Promise<T>;
  /** Freezes the app, does something, and lets it go on. */
  frozen(meanwhile: () => void | Promise<unknown>): Promise<void>;
}

export interface Setting {
  options?: PoolOptions;
  pool?: number;
  /** A server of its own: to be stopped, frozen or filled. */
  ownServer?: boolean;
  /** Where the proxy leads, instead of to the server: to PgBouncer. */
  port?: number;
  longRows?: number;
  /** The app does not open its connections before. */
  cold?: boolean;
}

export interface Scenario extends Setting {
  name: string;
  /** What happens, and what comes of the first requests. */
  run(stage: Stage): Promise<Outcome[]>;
  /** Undoes what happened; times count from here. */
  heal?(stage: Stage): void | Promise<void>;
  /** The requests that tell whether it has healed. @default 'mixed' */
  afterwards?: Kind;
  /** It cannot heal. */
  stays?: boolean;
}

let turn: Promise<unknown> = Promise.resolve();
/** Apps start one after the other: that takes the time of a processor, and what comes then is mostly waiting. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = turn.then(work);
  turn = result.catch(() => undefined);
  return result;
}

/** Runs `work` with an app behind a proxy, and ends all of it. */
export async function withApp<T>(
  setting: Setting,
  driver: Driver,
  mode: Mode,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const { pool = POOL, port, longRows, options, cold } = setting;
  const server = setting.ownServer ? await startServer(driver) : undefined;
  const undo: (() => unknown)[] = [];
  try {
    if (server) {
      undo.push(server.remove);
    }
    const database = await createAccounts(driver, server, longRows);
    if (!server) {
      undo.push(database.drop);
    }
    const proxy = await createProxy(port ?? database.config.port!);
    undo.push(proxy.cut);
    const { driver: _, ...config } = { ...database.config, port: proxy.port, pool: { min: 0, max: pool } };
    const settings: Settings = {
      mode,
      driver,
      config,
      options: { ...LIMITS, ...options },
      hangAfter: HANGS_AFTER[mode],
    };
    const app = await inTurn(async () => {
      const started = await startApp(settings);
      undo.push(started.kill);
      if (!cold) {
        await started.tell({ do: 'open' });
        const slots = await started.tell<number>({ do: 'slots', of: pool, limit: 20_000 });
        if (slots !== pool) {
          throw new Error(`only ${slots} of ${pool} connections before anything has happened`);
        }
      }
      return started;
    });
    return await work({
      app,
      proxy,
      config: database.config,
      server: server!,
      later: (end: () => unknown) => void undo.push(end),
      killBackends: () => killConnections(driver, database.config),
      sql: text => onServer(database.config, text),
      async frozen(meanwhile) {
        await freeze(app.pid);
        await meanwhile();
        thaw(app.pid);
      },
    });
  } finally {
    for (const end of undo.toReversed()) {
      await end();
    }
  }
}

/** Plays one scenario with one app. */
export function play(scenario: Scenario, driver: Driver, mode: Mode): Promise<Row> {
  const { pool = POOL, afterwards: kind = 'mixed' } = scenario;
  return withApp(scenario, driver, mode, async stage => {
    const { app } = stage;
    let since = performance.now();
    const passed = (): number => Math.round(performance.now() - since);
    const outcomes = await scenario.run(stage);
    let first = firstSuccess(outcomes);
    let all = outcomes.every(({ result }) => result === 'ok') ? passed() : undefined;
    if (scenario.heal) {
      await scenario.heal(stage);
      since = performance.now();
      first = all = undefined;
    }
    while (all === undefined && !scenario.stays && passed() < HEALS_WITHIN[mode]) {
      const started = passed();
      const wave = await app.requests(kind);
      const inWave = firstSuccess(wave);
      first ??= inWave === undefined ? undefined : started + inWave;
      all = wave.every(({ result }) => result === 'ok') ? passed() : undefined;
    }
    return {
      scenario: scenario.name,
      driver,
      mode,
      ...count(outcomes),
      first,
      all,
      slots: `${await app.tell<number>({ do: 'slots', of: pool, limit: CLOSES_WITHIN[mode] })}/${pool}`,
      ...(await end(stage, outcomes)),
    };
  });
}

/** Closes the app, and sees it end. */
export async function end(
  { app }: Stage,
  outcomes: Outcome[],
  drain = 0,
): Promise<Pick<Row, 'unhandled' | 'close' | 'exits' | 'why'>> {
  const unhandled = await app.tell<string[]>({ do: 'unhandled' });
  const limit = CLOSES_WITHIN[app.mode];
  const closing = await app.tell<Outcome>({ do: 'close', drain, limit: drain + limit });
  return {
    unhandled: unhandled.length,
    close: closing.result === 'ok' ? closing.at : undefined,
    exits: await app.exited(limit),
    why: describeReasons(outcomes, unhandled),
  };
}

function firstSuccess(outcomes: Outcome[]): number | undefined {
  const times = outcomes.filter(({ result }) => result === 'ok').map(({ at }) => at);
  return times.length === 0 ? undefined : Math.min(...times);
}
