import { afterAll, expect, test } from 'vitest';
import { describeDriver, DRIVERS, type DriverName } from '../../support/databases.js';
import {
  AUTHORS,
  EMBEDDED,
  HANGS,
  POOL,
  createGate,
  describeError,
  limit,
  openSide,
  readTables,
  until,
  type Rows,
  type Side,
  type SideOptions,
  type SqlOrm,
} from './side.js';

/** Something that an app does, and that must come out the same on plain MikroORM and on our pool. */
export interface Scenario extends SideOptions {
  name: string;
  /** @default all */
  drivers?: readonly DriverName[];
  /** What plain MikroORM gives, so that a scenario that fails alike on both sides proves nothing. */
  expected?: unknown | ((driver: DriverName) => unknown);
  /** It closes or replaces something, so that it gets ORMs of its own. */
  own?: boolean;
  /** Plain MikroORM loses a connection here: only the results are compared, and ours must lose none. */
  plainLosesConnection?: boolean;
  /** Both keep a transaction open, as the app's own mistake asks for: only the results are compared. */
  leavesTransaction?: boolean;
  /** We may refuse instead, with an OrmConfigError, before anything is touched. */
  mayRefuse?: boolean;
  /** The tables are not there afterwards, or are not what is compared. */
  withoutTables?: boolean;
  run(side: Side): Promise<unknown>;
}

interface Outcome {
  /** What the scenario gave. */
  result: unknown;
  /** The rows that it left, read through the other graph. */
  tables: unknown;
  /** Whether each connection of the pool serves, all of them at once and through both graphs. */
  serves: unknown;
  /** Whether no connection was left in a transaction, and none is open beside the pool's. */
  tidy: unknown;
}

/** Runs each scenario twice on each of its drivers, and compares. */
export async function compareAll(scenarios: Scenario[]): Promise<void> {
  for (const driver of DRIVERS) {
    const own = scenarios.filter(({ drivers = DRIVERS }) => drivers.includes(driver));
    if (own.length > 0) {
      await describeDriver(driver, () => compareOn(driver, own));
    }
  }
}

function compareOn(driver: DriverName, scenarios: Scenario[]): void {
  const kept = new Map<Side['kind'], Promise<Side>>();

  async function borrow(kind: Side['kind'], scenario: Scenario): Promise<Side> {
    if (scenario.own || scenario.config || scenario.otherConfig || scenario.alone) {
      return openSide(kind, driver, scenario);
    }
    let side = kept.get(kind);
    if (!side) {
      side = openSide(kind, driver);
      kept.set(kind, side);
    }
    return side;
  }

  async function giveBack(side: Side, isUsable: boolean): Promise<void> {
    if ((await kept.get(side.kind)) !== side) {
      await side.end();
    } else if (!isUsable) {
      kept.delete(side.kind);
      await side.end();
    }
  }

  async function play(kind: Side['kind'], scenario: Scenario): Promise<Outcome> {
    const side = await borrow(kind, scenario);
    let isUsable = false;
    try {
      if (!scenario.empty) {
        await seed(side.orm);
      }
      const result = await limit(kind === 'plain' ? scenario.run(side) : scenario.run(side).catch(threw));
      if (scenario.leavesTransaction || (scenario.plainLosesConnection && kind === 'plain')) {
        return { result, tables: undefined, serves: undefined, tidy: undefined };
      }
      const tables = scenario.withoutTables ? undefined : await limit(readTables(side.other).catch(threw));
      const serves = await limit(serveAtOnce(side).catch(threw));
      const tidy = await limit(isTidy(side).catch(threw));
      isUsable = ![result, tables, serves, tidy].includes(HANGS) && serves === 'serves' && tidy === true;
      return { result, tables, serves, tidy };
    } finally {
      await giveBack(side, isUsable);
    }
  }

  afterAll(async () => {
    await Promise.all([...kept.values()].map(async side => (await side).end()));
  });

  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      const [plainly, ours] = await Promise.allSettled([play('plain', scenario), play('shared', scenario)]);
      if (plainly.status === 'rejected') throw plainly.reason;
      if (ours.status === 'rejected') throw ours.reason;
      const [plain, shared] = [plainly.value, ours.value];
      if ('expected' in scenario) {
        const { expected } = scenario;
        expect(plain.result, 'plain MikroORM').toEqual(typeof expected === 'function' ? expected(driver) : expected);
      }
      expect(plain.result, 'plain MikroORM').not.toBe(HANGS);
      if (scenario.mayRefuse && (shared.result as { threw?: { code: unknown } }).threw?.code === 'ORM_CONFIG') {
        expect(shared, 'refused, and nothing touched').toMatchObject({ tables: SEEDED, serves: 'serves', tidy: true });
        return;
      }
      if (scenario.plainLosesConnection) {
        expect(shared.result, 'on the shared pool').toEqual(plain.result);
        expect(shared, 'no connection lost').toMatchObject({ serves: 'serves', tidy: true });
        return;
      }
      expect(shared, 'on the shared pool').toEqual(plain);
      if (!scenario.leavesTransaction) {
        expect(plain, 'plain MikroORM').toMatchObject({ serves: 'serves', tidy: true });
      }
    });
  }
}

const threw = (error: unknown): unknown => ({ threw: describeError(error) });

const SEEDED: Rows = { authors: AUTHORS.map((name, i) => ({ id: i + 1, name })), books: [] };

async function seed(orm: SqlOrm): Promise<void> {
  const em = orm.em.fork();
  await em.execute('delete from book');
  await em.execute('delete from author');
  await em.execute(
    `insert into author (id, name) values ${AUTHORS.map((name, i) => `(${i + 1}, '${name}')`).join(', ')}`,
  );
}

/** Holds all connections of the pool at once, half of them through the other graph. */
async function serveAtOnce({ orm, other, driver }: Side): Promise<'serves'> {
  const size = EMBEDDED.includes(driver) ? 1 : POOL;
  const all = createGate();
  let holding = 0;
  const holders = Array.from({ length: size }, (_, i) =>
    (i % 2 ? orm : other).em.fork().transactional(async em => {
      await em.execute('select 1');
      if (++holding === size) all.open();
      await all.opened;
    }),
  );
  try {
    await Promise.all(holders);
  } finally {
    all.open();
    await Promise.allSettled(holders);
  }
  // and from the first graph as well, where there is only one
  await orm.em.fork().execute('select 1');
  return 'serves';
}

const CONNECTIONS = {
  postgresql: `select count(*) as n from pg_stat_activity where datname = current_database()`,
  mysql: `select count(*) as n from information_schema.processlist where db = database()`,
};

/** Waits until the server knows of no transaction that was left open, and of no more connections than the pool's. */
async function isTidy({ other, driver, kind, orm }: Side): Promise<boolean> {
  if (EMBEDDED.includes(driver)) {
    return true;
  }
  const dialect = driver === 'postgresql' ? driver : 'mysql';
  const count = async (sql: string): Promise<number> => {
    const [row] = await other.em.fork().execute(sql);
    return Number((row as { n: unknown }).n);
  };
  const openTransactions = async (): Promise<number> => {
    if (dialect === 'postgresql') {
      return count(
        `select count(*) as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
      );
    }
    // each slot tells of itself, for as long as the others do: what InnoDB lists is not refreshed while somebody polls it
    const slots = Array.from({ length: POOL }, () => count('select @@in_transaction as n, sleep(0.02)'));
    return (await Promise.all(slots)).reduce((sum, n) => sum + n, 0);
  };
  // two plain ORMs have two pools; so do replicas
  const pools = (kind === 'plain' && other !== orm ? 2 : 1) * (1 + (orm.config.get('replicas')?.length ?? 0));
  return until(async () => (await openTransactions()) === 0 && (await count(CONNECTIONS[dialect])) <= POOL * pools);
}
