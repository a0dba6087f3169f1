import { describeServer } from '../../support/servers.js';
import { afterAll, expect, test } from 'vitest';
import { DRIVERS, play, POOL, type Driver, type Scenario } from './scenario.js';
import { printTable, type Row } from './table.js';

export interface Expectation extends Scenario {
  drivers?: Driver[];
  /** Of ours: how many of the first requests succeed. All others fail with an answer for the client, and none hangs. */
  ok?: number;
  /** Of ours, where it is not the usual. */
  expected?: Partial<Row>;
  /** Of the hand-written pattern, where it is surely worse. */
  handWritten?: Partial<Row>;
}

/**
 * Whether the hand-written pattern is played, too. It tells nothing of this library, and half of the suite's time is spent on
 * its hangs: where everything is proven (CI), and where REQUIRE_ALL=1 asks for the table.
 */
const COMPARES = process.env['REQUIRE_ALL'] === '1';

/** A test for each scenario and driver: with this library, and where that is asked for, beside it with the hand-written pattern. Prints a table. */
export async function testScenarios(scenarios: Expectation[]): Promise<void> {
  const rows: Row[] = [];
  afterAll(() => printTable(rows));
  for (const driver of DRIVERS) {
    await describeServer(driver, () => {
      for (const scenario of scenarios.filter(({ drivers = DRIVERS }) => drivers.includes(driver))) {
        test.concurrent(scenario.name, { timeout: 120_000 }, async () => {
          const modes = COMPARES ? (['ours', 'hand-written'] as const) : (['ours'] as const);
          const played = await Promise.all(modes.map(mode => play(scenario, driver, mode)));
          rows.push(...played);
          const [ours, handWritten] = played as [Row, Row | undefined];
          const { pool = POOL, ok, expected } = scenario;
          expect(ours).toMatchObject({
            ...(ok === undefined ? {} : { ok }),
            unmapped: 0,
            hung: 0,
            all: expect.any(Number),
            slots: `${pool}/${pool}`,
            unhandled: 0,
            close: expect.any(Number),
            exits: true,
            ...expected,
          });
          if (COMPARES) {
            expect(handWritten).toMatchObject(scenario.handWritten ?? {});
          }
        });
      }
    });
  }
}
