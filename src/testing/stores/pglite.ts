import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { openFileLock } from '../../migrations/lock/file.js';
import { withLock } from '../../migrations/lock/migration-lock.js';
import { newMark, readMark, type Mark, type Overrides, type TestStore } from './test-store.js';

/** In a folder of PGlite, which PostgreSQL does not look at. */
const MARK_FILE = 'mikro_orm_web_test_database.json';

/** Folders of PGlite, which a file marks; the template of databases in memory is an archive. */
export function pgliteStore(base: string, inMemory: boolean, driverOptions: object): TestStore {
  const folder = dirname(resolve(base));
  mkdirSync(folder, { recursive: true });
  const placeOfMark = (name: string): string => (inMemory ? `${name}.json` : join(name, MARK_FILE));
  const setMark = (name: string, mark: Mark): void => writeFileSync(placeOfMark(name), JSON.stringify(mark));
  const markOf = (name: string): Mark | undefined =>
    existsSync(placeOfMark(name)) ? readMark(readFileSync(placeOfMark(name), 'utf8')) : undefined;
  const drop = async (name: string): Promise<void> => {
    rmSync(name, { recursive: true, force: true });
    rmSync(placeOfMark(name), { force: true });
  };
  /** Nobody sees what is unfinished: `make` does not get the name that it will have, and leaves nothing of an earlier try. */
  const publish = async (name: string, make: (unfinished: string) => Promise<void> | void): Promise<void> => {
    const unfinished = `${name}.unfinished`;
    await drop(unfinished);
    await make(unfinished);
    renameSync(unfinished, name);
  };

  return {
    base,
    longest: Infinity,
    find: async name => (existsSync(name) ? (markOf(name) ?? 'foreign') : undefined),
    async list() {
      return readdirSync(folder)
        .filter(file => file.startsWith(basename(base)) && !file.endsWith('.json'))
        .flatMap(file => {
          const name = base.slice(0, -basename(base).length) + file;
          const mark = markOf(name);
          return mark ? [{ name, mark }] : [];
        });
    },
    async build(name, migrate) {
      await publish(name, async unfinished => {
        if (inMemory) {
          await migrate({ dbName: 'memory://' }, async orm => {
            const connection = orm.driver.getConnection() as unknown as PgliteConnection;
            const archive = await ((await connection.getNativeClient()) as Pglite).dumpDataDir('none');
            writeFileSync(unfinished, Buffer.from(await archive.arrayBuffer()));
          });
          setMark(name, newMark('template', true));
        } else {
          await migrate({ dbName: unfinished });
          setMark(unfinished, newMark('template', true));
        }
      });
    },
    async copy(template, name) {
      if (!inMemory) {
        await publish(name, unfinished => {
          cpSync(template, unfinished, { recursive: true, mode: 2 /* COPYFILE_FICLONE */ });
          setMark(unfinished, newMark('copy', true));
        });
      }
    },
    drop,
    async overrides(dbName, template) {
      if (!inMemory) {
        return { dbName };
      }
      // read now: the next list of migrations removes the template, and a blob of the file would read it later
      const loadDataDir = new Blob([readFileSync(template)]);
      // a function: MikroORM copies options, and of a Blob nothing would be left
      return { dbName: 'memory://', driverOptions: () => ({ ...driverOptions, loadDataDir }) } as Overrides;
    },
    // PGlite has no lock that other processes would see
    exclusively: work => withLock(openFileLock(`${resolve(base)}_template`), base, {}, work),
    close: async () => undefined,
  };
}

interface PgliteConnection {
  getNativeClient(): Promise<unknown>;
}
interface Pglite {
  dumpDataDir(compression: 'none'): Promise<Blob>;
}
