import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { createOrmSingleton } from 'mikro-orm-web';
import config from './mikro-orm.config.ts';
import { handWritten } from './hand-written.ts';
import { Animal, Article, Cat, Dog, edit, Tag, User } from './entities.ts';

/** What a route of a test app has. */
export interface Scene {
  /** The EntityManager of the request, where the handler runs. */
  em: Em;
  /** How a middleware, or whatever runs before the handler, sees it. */
  before?: Em | undefined;
  /** How a nested loader, service or component sees it. */
  nested?: Em | undefined;
  /** Sends a request to the app itself: in the process, where the framework can. */
  self(path: string): Promise<Response>;
}

type Em = Pick<
  SqlEntityManager,
  'create' | 'flush' | 'count' | 'find' | 'fork' | 'transactional' | 'getConnection' | 'id' | 'execute'
>;

/** What an edit of the pool's settings changes. */
const max = config.pool?.max;

class Probe {}

let slowRequests = 0;
let made = 0;
const unique = (): string => `${process.pid}-${Date.now()}-${made++}@example.com`;

/** What each app can do at `/api/<work>`: the same for all frameworks. */
const works: Record<string, (scene: Scene) => Promise<unknown>> = {
  count: async ({ em }) => ({ users: await em.count(User) }),
  async edited({ em }) {
    const note = em.create(User, { email: unique(), name: `edit ${edit}` });
    await em.flush();
    return { edit, max, mapped: note instanceof User && (await em.fork().count(User, { id: note.id })) === 1 };
  },
  async 'hand-written'() {
    return { edit, max, users: await handWritten().em.fork().count(User) };
  },
  // what a minifier makes of a class's name
  minified: async () => ({ isMinified: Probe.name !== 'Probe' }),
  write: async ({ em }) => {
    const user = em.create(User, { email: unique(), name: 'Ann' });
    await em.flush();
    return { id: user.id };
  },
  async domain({ em }) {
    em.create(Article, {
      title: 'a',
      author: { email: unique(), name: 'Ann' },
      tags: [{ label: 'orm' }, { label: 'web' }],
    } as never);
    em.create(Cat, { name: 'Tom' } as never);
    em.create(Dog, { name: 'Rex' } as never);
    await em.flush();
    const fork = em.fork();
    const [article] = await fork.find(Article, {}, { populate: ['author', 'tags'], limit: 1 });
    return {
      author: article?.author.name,
      tags: article?.tags.map((tag: Tag) => tag.label).sort(),
      animals: (await fork.find(Animal, {})).map(animal => animal.name).sort(),
      dogs: await fork.count(Dog),
    };
  },
  identity: async ({ em, before, nested }) => ({ ids: [before, em, nested].flatMap(one => (one ? [one.id] : [])) }),
  inner: async ({ em }) => {
    em.create(User, { email: 'taken@example.com', name: 'Inner' });
    await em.flush(); // a duplicate
    return { id: em.id };
  },
  async outer({ em, self }) {
    const email = unique();
    em.create(User, { email, name: 'Outer' });
    const inner = await self('/api/inner');
    const other = (await (await self('/api/identity')).json()) as { ids: number[] };
    await em.flush();
    return { inner: inner.status, own: !other.ids.includes(em.id), saved: await em.fork().count(User, { email }) };
  },
  arrived: async () => ({ slow: slowRequests }),
  async slow({ em }) {
    slowRequests++;
    await em.transactional(async tx => {
      await tx.execute('select pg_sleep(0.2)');
      await new Promise(resolve => setTimeout(resolve, 100));
      await tx.execute('select pg_sleep(0.1)');
    });
    await new Promise(resolve => setTimeout(resolve, 200)); // nothing holds a connection here
    return { users: await em.count(User) };
  },
  unique: async ({ em }) => {
    em.create(User, { email: 'taken@example.com', name: 'Secret' });
    await em.flush();
  },
  reference: async ({ em }) => em.execute('insert into article (title, author_id) values (?, ?)', ['secret', 123_456]),
  internal: async ({ em }) => em.execute('select secret from nowhere'),
  unavailable: async ({ em }) => em.execute('select pg_terminate_backend(pg_backend_pid())'),
  // all ORMs of the name, those of the adapter, too
  async close() {
    const orm = createOrmSingleton(config);
    await orm();
    await orm.close();
  },
  plain: async () => {
    throw new Error('secret of the app');
  },
};

/** Does what a route's last segment says; undefined for an unknown one. */
export function doWork(name: string, scene: Scene): Promise<unknown> {
  const work = works[name];
  return work ? work(scene) : Promise.reject(new Error(`There is no work ${name}`));
}

const PART = new TextEncoder();

/** Rows, each asked for as the client reads on: a body that outlives the handler. */
export function rows(em: Em, count = 12): ReadableStream<Uint8Array<ArrayBuffer>> {
  const ids = new Set<number>();
  let part = 0;
  return new ReadableStream({
    async pull(controller) {
      if (part++ === count) {
        controller.enqueue(PART.encode(`end of ${ids.size}`));
        return controller.close();
      }
      // before the last one nothing uses a connection for a while: only the end of the request tells that it goes on
      await new Promise(resolve => setTimeout(resolve, part === count ? 500 : 40));
      const [row] = await em.execute<[{ one: number }]>('select 1 as one');
      ids.add(em.id);
      controller.enqueue(PART.encode(`${row.one}\n`));
    },
  });
}

/** A page that lists users. */
export const page = async (em: Em): Promise<string> =>
  `<!doctype html><title>Users</title><p>users: ${await em.count(User)}</p>`;
