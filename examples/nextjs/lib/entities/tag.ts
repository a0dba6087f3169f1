import { defineEntity, p } from '@mikro-orm/core';
import { Article } from './article.ts';
import { BaseEntity } from './base.ts';

export const TagSchema = defineEntity({
  name: 'Tag',
  extends: BaseEntity,
  properties: {
    name: p.string().length(30).unique(),
    articles: () => p.manyToMany(Article).mappedBy('tags'),
  },
});

export class Tag extends TagSchema.class {}

TagSchema.setClass(Tag);
