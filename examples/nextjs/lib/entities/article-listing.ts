import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/sql';
import { Article } from './article.ts';

/** A virtual entity: no table, but a query that the result can be filtered, sorted and paginated like one. */
export const ArticleListing = defineEntity({
  name: 'ArticleListing',
  expression: (em: EntityManager) => em.getRepository(Article).listing(),
  properties: {
    slug: p.string(),
    title: p.string(),
    authorName: p.string(),
    totalComments: p.integer(),
  },
});

export type ArticleListing = InferEntity<typeof ArticleListing>;
