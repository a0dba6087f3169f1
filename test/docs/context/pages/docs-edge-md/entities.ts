import { defineEntity, p } from '@mikro-orm/core';

const define = <const Name extends string>(name: Name) =>
  defineEntity({ name, properties: { id: p.integer().primary(), title: p.string() } });
export class Article extends define('Article').class {}
export class Tag extends define('Tag').class {}
export class User extends define('User').class {}
