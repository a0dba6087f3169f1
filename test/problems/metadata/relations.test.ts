import { MikroORM, defineEntity, p } from '@mikro-orm/core';
import { SqliteDriver } from '@mikro-orm/sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapOrmError } from '../../../src/index.js';

// every kind of relation from both ends: collections and inverse sides have no columns of their own
const Profile = defineEntity({
  name: 'Profile',
  tableName: 'profiles',
  properties: { id: p.integer().primary(), nick: p.string().unique(), user: () => p.oneToOne(User) },
});
const User = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p.integer().primary(),
    email: p.string().unique(),
    profile: () => p.oneToOne(Profile).mappedBy('user'),
    articles: () => p.oneToMany(Article).mappedBy('author'),
  },
});
const Article = defineEntity({
  name: 'Article',
  tableName: 'articles',
  properties: { id: p.integer().primary(), author: () => p.manyToOne(User), tags: () => p.manyToMany(Tag) },
});
const Tag = defineEntity({
  name: 'Tag',
  tableName: 'tags',
  properties: {
    id: p.integer().primary(),
    name: p.string().unique(),
    articles: () => p.manyToMany(Article).mappedBy('tags'),
  },
});

const orm = new MikroORM({ driver: SqliteDriver, dbName: ':memory:', entities: [Profile, User, Article, Tag] });
beforeAll(() => orm.schema.create());
afterAll(() => orm.close());

test.each([
  ['User', ['email'], `insert into users (email) values ('a')`],
  ['Tag', ['name'], `insert into tags (name) values ('a')`],
  ['Profile', ['user'], `insert into profiles (nick, user_id) values (abs(random()), 1)`],
  ['Article', ['tags'], `insert into articles_tags (article_id, tag_id) values (1, 1)`],
])('%s %o', async (entity, properties, sql) => {
  const connection = orm.driver.getConnection();
  await connection.execute('pragma foreign_keys = off');
  await connection.execute(sql);
  const error: unknown = await connection.execute(sql).catch((e: unknown) => e);
  expect(mapOrmError(error, { orm })).toMatchObject({ code: 'unique-violation', entity, properties });
});
