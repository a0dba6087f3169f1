import { OrmConfigError } from '../../errors.js';
import { copiesInUse } from './copies-in-use.js';
import { fitName, isAbandoned, suffixOf, type Migrate, type TestStore } from './test-store.js';

/** Drops templates of other lists of migrations (whose names do not begin with `start`), and copies that nobody uses. */
export async function removeStale(store: TestStore, start: string): Promise<void> {
  for (const { name, mark } of await store.list()) {
    const suffix = suffixOf(store, name);
    const isStale =
      mark.kind === 'copy'
        ? suffix?.startsWith('_test_') && isAbandoned(mark)
        : suffix && /^_template_\w{12}_\w{12}$/.test(suffix) && !suffix.startsWith(start);
    if (isStale) {
      await store.drop(name);
    }
  }
}

/** Makes the template of this name, where it is not there or incomplete. */
export async function ensureTemplate(store: TestStore, name: string, migrate: Migrate): Promise<void> {
  const mark = await store.find(name);
  assertOwn(mark, name);
  if (mark && mark.ready) {
    return;
  }
  if (mark) {
    await store.drop(name); // the process that made it has ended before it was complete
  }
  try {
    await store.build(name, migrate);
  } catch (error) {
    await store.drop(name).catch(() => undefined);
    throw error;
  }
}

function assertOwn<T>(mark: T | 'foreign', name: string): asserts mark is T {
  if (mark === 'foreign') {
    throw new OrmConfigError(
      `createTestDatabase did not make the database ${name}, and does not touch it. Rename or drop it, or give \`worker\` another value.`,
    );
  }
}

/** The name of this worker's copy, which is free: with a number behind it where another run of the tests uses that. */
export async function freeName(store: TestStore, worker: string): Promise<string> {
  for (let i = 1; ; i++) {
    const name = fitName(store, i === 1 ? `_test_${worker}` : `_test_${worker}_${i}`);
    const mark = await store.find(name);
    assertOwn(mark, name);
    if (!copiesInUse().has(name) && (!mark || isAbandoned(mark) || mark.pid === process.pid)) {
      await store.drop(name);
      return name;
    }
  }
}
