import { defineEntity, p } from '@mikro-orm/core';

const UserSchema = defineEntity({
  name: 'User',
  properties: { id: p.integer().primary(), email: p.string().unique(), name: p.string() },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);

const TagSchema = defineEntity({
  name: 'Tag',
  properties: { id: p.integer().primary(), label: p.string() },
});
export class Tag extends TagSchema.class {}
TagSchema.setClass(Tag);

const ArticleSchema = defineEntity({
  name: 'Article',
  properties: {
    id: p.integer().primary(),
    title: p.string(),
    author: () => p.manyToOne(User),
    tags: () => p.manyToMany(Tag),
  },
});
export class Article extends ArticleSchema.class {}
ArticleSchema.setClass(Article);

const AnimalSchema = defineEntity({
  name: 'Animal',
  discriminatorColumn: 'kind',
  abstract: true,
  properties: { id: p.integer().primary(), kind: p.string(), name: p.string() },
});
export class Animal extends AnimalSchema.class {}
AnimalSchema.setClass(Animal);

const CatSchema = defineEntity({ name: 'Cat', extends: AnimalSchema, properties: { lives: p.integer().nullable() } });
export class Cat extends CatSchema.class {}
CatSchema.setClass(Cat);

const DogSchema = defineEntity({ name: 'Dog', extends: AnimalSchema, properties: { breed: p.string().nullable() } });
export class Dog extends DogSchema.class {}
DogSchema.setClass(Dog);

/** What an edit of the development test changes. */
export const edit = 0;
