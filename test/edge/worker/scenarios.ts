import { UniqueConstraintViolationException, type EntityManager, type MikroORM } from '@mikro-orm/sql';
import { Animal, Article, Cat, Counter, Document, Dog, Item, Tag, User } from './entities.js';

type Scenario = (em: EntityManager, params: URLSearchParams, orm: MikroORM) => Promise<unknown>;

const user = (em: EntityManager, email: string): User =>
  em.create(User, { email, fullName: email, address: { street: 'Main', city: 'Graz' } });

/** How many EntityManagers are in use, by request: two requests must never have the same. */
const inUse = new Set<unknown>();

export const scenarios: Record<string, Scenario> = {
  /** Kysely, before MikroORM has connected. */
  async first(em) {
    return em
      .getKysely()
      .selectNoFrom(({ lit }) => lit(1).as('one'))
      .execute();
  },

  async setup(_em, _params, orm) {
    await orm.schema.create();
  },

  /** What differs between the entities and the database. */
  async difference(_em, _params, orm) {
    return orm.schema.getUpdateSchemaSQL();
  },

  async create(em, params) {
    const author = user(em, params.get('email')!);
    const names = params.getAll('tag');
    em.create(Article, { title: 'T', author, meta: { words: 7 }, tags: names.map(name => em.create(Tag, { name })) });
    author.photo = new Uint8Array([1, 2, 255]);
    await em.flush();
    return { id: author.id, isDate: author.createdAt instanceof Date };
  },

  async read(em, params) {
    const found = await em.findOneOrFail(
      User,
      { email: params.get('email')! },
      { populate: ['articles', 'articles.tags'] },
    );
    const article = found.articles[0]!;
    return {
      fullName: found.fullName,
      isDate: found.createdAt instanceof Date && Math.abs(Date.now() - found.createdAt.getTime()) < 600_000,
      city: found.address?.city,
      photo: [...found.photo!],
      title: article.title,
      status: article.status,
      meta: article.meta,
      tags: article.tags.map(({ name }) => name).sort(),
    };
  },

  async update(em, params) {
    const found = await em.findAll(User, { where: { email: { $in: params.getAll('email') } } });
    found.forEach((one, i) => {
      one.fullName = `new ${i}`;
      one.address!.city = 'Wien';
    });
    await em.flush();
    const again = await em.fork().findAll(User, { where: { email: { $in: params.getAll('email') } } });
    return again.map(one => [one.fullName, one.address!.city]).sort();
  },

  async retag(em, params) {
    const article = await em.findOneOrFail(
      Article,
      { author: { email: params.get('email')! } },
      { populate: ['tags'] },
    );
    article.tags.remove(article.tags[0]!);
    article.tags.add(em.create(Tag, { name: params.get('tag')! }));
    await em.flush();
    const again = await em.fork().findOneOrFail(Article, article.id, { populate: ['tags'] });
    return again.tags.map(({ name }) => name).sort();
  },

  async remove(em, params) {
    const article = await em.findOneOrFail(Article, { author: { email: params.get('email')! } });
    em.remove(article);
    await em.flush();
    return em.fork().count(Article, article.id);
  },

  async inheritance(em, params) {
    const name = params.get('name')!;
    em.create(Dog, { kind: 'dog', name, barks: true });
    em.create(Cat, { kind: 'cat', name, lives: 9 });
    await em.flush();
    const found = await em.fork().findAll(Animal, { where: { name }, orderBy: { kind: 'asc' } });
    return found.map(one =>
      one instanceof Dog ? ['dog', one.kind, one.barks] : one instanceof Cat ? ['cat', one.kind, one.lives] : null,
    );
  },

  async counter(em) {
    const one = em.create(Counter, { label: 'a' });
    const two = em.create(Counter, { label: 'b' });
    await em.flush();
    return [typeof one.id, two.id - one.id];
  },

  async version(em) {
    const document = em.create(Document, { text: 'a' });
    await em.flush();
    document.text = 'b';
    await em.flush();
    return document.version;
  },

  async concurrency(em) {
    const item = em.create(Item, { name: 'a', stock: 1 });
    await em.flush();
    item.name = 'b';
    item.stock = 2;
    await em.flush();
    return item.stock;
  },

  /** A flush whose last statement fails. */
  async halfway(em, params) {
    const fresh = `fresh ${Math.random()}`;
    em.create(Tag, { name: fresh });
    user(em, `${fresh}@a.example`);
    em.create(Article, { title: fresh, author: user(em, params.get('email')!) });
    const failed = await em.flush().then(
      () => false,
      (error: unknown) => error instanceof UniqueConstraintViolationException,
    );
    const left = em.fork();
    return {
      failed,
      tags: await left.count(Tag, { name: fresh }),
      users: await left.count(User, { email: `${fresh}@a.example` }),
      articles: await left.count(Article, { title: fresh }),
    };
  },

  async taken(em, params) {
    user(em, params.get('email')!);
    await em.flush();
  },

  async takenByInsert(em, params) {
    await em.insert(User, {
      id: crypto.randomUUID(),
      email: params.get('email')!,
      fullName: 'x',
      createdAt: new Date(),
    });
  },

  async missing(em) {
    await em.findOneOrFail(User, crypto.randomUUID());
  },

  async orphan(em) {
    await em.insert(Article, {
      id: crypto.randomUUID(),
      title: 't',
      status: 's',
      author: crypto.randomUUID(),
    });
  },

  /** What a transaction that throws leaves. */
  async rollback(em) {
    const name = `rolled back ${Math.random()}`;
    const message = await em
      .transactional(async tx => {
        tx.create(Tag, { name });
        await tx.flush();
        throw new Error('no');
      })
      .catch((error: Error) => error.message);
    return [message, await em.fork().count(Tag, { name })];
  },

  async nested(em) {
    const name = `nested ${Math.random()}`;
    await em.transactional(async tx => {
      tx.create(Tag, { name: `${name} outer` });
      await tx.flush();
      await tx
        .transactional(async inner => {
          inner.create(Tag, { name: `${name} lost` });
          await inner.flush();
          throw new Error('no');
        })
        .catch(() => undefined);
      await tx.transactional(async inner => {
        inner.create(Tag, { name: `${name} kept` });
      });
    });
    const found = await em.fork().findAll(Tag, { where: { name: { $like: `${name}%` } } });
    return found.map(tag => tag.name.slice(name.length + 1)).sort();
  },

  async readOwnWrite(em) {
    return em.transactional(async tx => {
      const tag = tx.create(Tag, { name: `own ${Math.random()}` });
      await tx.flush();
      return tx.fork({ keepTransactionContext: true }).count(Tag, tag.id);
    });
  },

  /** Waits for the database between two queries, so that requests overlap. */
  async overlap(em, params) {
    if (inUse.has(em)) {
      return 'shared';
    }
    inUse.add(em);
    const email = params.get('email')!;
    user(em, email);
    await em.flush();
    const found = await em.findOneOrFail(User, { email });
    const { length } = em.getUnitOfWork().getIdentityMap().keys();
    inUse.delete(em);
    return [found.email, length];
  },

  async slow(em, params) {
    await em.transactional(async tx => {
      tx.create(Tag, { name: `slow ${Math.random()}` });
      await tx.flush();
      await new Promise(resolve => setTimeout(resolve, Number(params.get('ms'))));
      tx.create(Tag, { name: `slow ${Math.random()}` });
    });
    await em.findAll(User, { populate: ['articles'] });
  },

  async many(em, params) {
    const size = Number(params.get('size'));
    for (let i = 0; i < size; i++) {
      em.create(Tag, { name: `many ${Math.random()} ${'x'.repeat(900)}` });
    }
    await em.flush();
    return em.count(Tag, { name: { $like: 'many %' } });
  },

  async raw(em) {
    const [row] = await em.getConnection().execute('select 1 as one');
    const built = await em
      .getKysely<{ tag: { id: string; name: string } }>()
      .selectFrom('tag')
      .select('id')
      .where('name', '=', 'none')
      .execute();
    return [row, built];
  },

  async stream(em) {
    const found: string[] = [];
    for await (const tag of em.stream(Tag, { where: { name: { $in: ['x', 'y'] } }, orderBy: { name: 'asc' } })) {
      found.push(tag.name);
    }
    return found;
  },
};
