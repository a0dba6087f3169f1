import { defineEntity, p } from '@mikro-orm/core';

/**
 * A key that the app makes: a flush on D1 is one batch, in which the database could not return the keys of the first rows for
 * those that refer to them.
 */
const key = () =>
  p
    .uuid()
    .primary()
    .onCreate(() => crypto.randomUUID());

const UserSchema = defineEntity({
  name: 'User',
  properties: {
    id: key(),
    email: p.string().unique().hidden(),
    fullName: p.string(),
    articles: () => p.oneToMany(Article).mappedBy('author').hidden(),
  },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);

const TagSchema = defineEntity({ name: 'Tag', properties: { id: key(), name: p.string().length(30).unique() } });
export class Tag extends TagSchema.class {}
TagSchema.setClass(Tag);

const ArticleSchema = defineEntity({
  name: 'Article',
  properties: {
    id: key(),
    slug: p.string().unique(),
    title: p.string(),
    text: p.text(),
    createdAt: p.datetime().onCreate(() => new Date()),
    author: () => p.manyToOne(User),
    tags: () => p.manyToMany(Tag),
  },
});
export class Article extends ArticleSchema.class {}
ArticleSchema.setClass(Article);
