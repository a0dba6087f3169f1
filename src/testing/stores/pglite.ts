import {
  cpSync,
  existsSync,
  mkdirSync,
  openAsBlob,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
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
  /** Nobody sees what is unfinished; where two processes have made the same, the first one's stays. */
  const publish = (unfinished: string, name: string): void => {
    try {
      renameSync(unfinished, name);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      if (!existsSync(name)) {
        throw error;
      }
    }
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
      const unfinished = `${name}.${process.pid}`;
      if (inMemory) {
        await migrate({ dbName: 'memory://' }, async orm => {
          const pglite = (await (
            orm.driver.getConnection() as unknown as PgliteConnection
          ).getNativeClient()) as Pglite;
          const archive = await pglite.dumpDataDir('none');
          writeFileSync(unfinished, Buffer.from(await archive.arrayBuffer()));
        });
        setMark(name, newMark('template', true));
      } else {
        await migrate({ dbName: unfinished });
        setMark(unfinished, newMark('template', true));
      }
      publish(unfinished, name);
    },
    async copy(template, name) {
      if (!inMemory) {
        const unfinished = `${name}.${process.pid}`;
        cpSync(template, unfinished, { recursive: true, mode: 2 /* COPYFILE_FICLONE */ });
        setMark(unfinished, newMark('copy', true));
        publish(unfinished, name);
      }
    },
    drop,
    async overrides(dbName, template) {
      if (!inMemory) {
        return { dbName };
      }
      const loadDataDir = await openAsBlob(template);
      // a function: MikroORM copies options, and of a Blob nothing would be left
      return { dbName: 'memory://', driverOptions: () => ({ ...driverOptions, loadDataDir }) } as Overrides;
    },
    exclusively: work => work(), // each step is a rename
    close: async () => undefined,
  };
}

interface PgliteConnection {
  getNativeClient(): Promise<unknown>;
}
interface Pglite {
  dumpDataDir(compression: 'none'): Promise<Blob>;
}
