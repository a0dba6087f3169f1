import { defineEntity, p } from '@mikro-orm/core';

/** Keys that the app makes: what suits each of the databases. */
const key = () =>
  p
    .uuid()
    .primary()
    .onCreate(() => crypto.randomUUID());

const AddressSchema = defineEntity({
  name: 'Address',
  embeddable: true,
  properties: { street: p.string(), city: p.string() },
});
export class Address extends AddressSchema.class {}
AddressSchema.setClass(Address);

const UserSchema = defineEntity({
  name: 'User',
  properties: {
    id: key(),
    email: p.string().unique(),
    fullName: p.string(),
    createdAt: p.datetime().onCreate(() => new Date()),
    address: () => p.embedded(Address).nullable(),
    photo: p.uint8array().nullable(),
    articles: () => p.oneToMany(Article).mappedBy('author'),
  },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);

const TagSchema = defineEntity({ name: 'Tag', properties: { id: key(), name: p.text().unique() } });
export class Tag extends TagSchema.class {}
TagSchema.setClass(Tag);

const ArticleSchema = defineEntity({
  name: 'Article',
  properties: {
    id: key(),
    title: p.string(),
    meta: p.json<{ words: number }>().nullable(),
    status: p.string().default('draft'),
    author: () => p.manyToOne(User),
    tags: () => p.manyToMany(Tag),
  },
});
export class Article extends ArticleSchema.class {}
ArticleSchema.setClass(Article);

const AnimalSchema = defineEntity({
  name: 'Animal',
  discriminatorColumn: 'kind',
  properties: { id: key(), kind: p.string(), name: p.string() },
});
export class Animal extends AnimalSchema.class {}
AnimalSchema.setClass(Animal);

const DogSchema = defineEntity({ name: 'Dog', extends: AnimalSchema, properties: { barks: p.boolean() } });
export class Dog extends DogSchema.class {}
DogSchema.setClass(Dog);

const CatSchema = defineEntity({ name: 'Cat', extends: AnimalSchema, properties: { lives: p.integer() } });
export class Cat extends CatSchema.class {}
CatSchema.setClass(Cat);

/** A key that the database makes. */
const CounterSchema = defineEntity({
  name: 'Counter',
  properties: { id: p.integer().primary(), label: p.string() },
});
export class Counter extends CounterSchema.class {}
CounterSchema.setClass(Counter);

const DocumentSchema = defineEntity({
  name: 'Document',
  properties: { id: key(), text: p.string(), version: p.integer().version() },
});
export class Document extends DocumentSchema.class {}
DocumentSchema.setClass(Document);

/** Whose updates are only right while the stock is what was read. */
const ItemSchema = defineEntity({
  name: 'Item',
  properties: { id: key(), name: p.string(), stock: p.integer().concurrencyCheck() },
});
export class Item extends ItemSchema.class {}
ItemSchema.setClass(Item);

export const all = {
  Item: ItemSchema,
  User: UserSchema,
  Tag: TagSchema,
  Article: ArticleSchema,
  Animal: AnimalSchema,
  Dog: DogSchema,
  Cat: CatSchema,
  Counter: CounterSchema,
  Document: DocumentSchema,
  Address: AddressSchema,
};
