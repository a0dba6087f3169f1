import { defineEntity, p } from '@mikro-orm/core';
import { EntityRepository, sql } from '@mikro-orm/sql';
import { BaseEntity } from './base.ts';
import { Comment } from './comment.ts';
import { Tag } from './tag.ts';
import { User } from './user.ts';

export const ArticleSchema = defineEntity({
  name: 'Article',
  extends: BaseEntity,
  repository: () => ArticleRepository,
  properties: {
    slug: p
      .string()
      .unique()
      .onCreate((article: { title: string }) => slugify(article.title)),
    title: p.string().index(),
    description: p.string().length(1000),
    text: p.text().lazy().ref(),
    author: () => p.manyToOne(User).ref(),
    tags: () => p.manyToMany(Tag),
    comments: () => p.oneToMany(Comment).mappedBy('article').orphanRemoval(),
  },
});

export class Article extends ArticleSchema.class {}

ArticleSchema.setClass(Article);

export class ArticleRepository extends EntityRepository<Article> {
  /** Newest first, with authors and tags; only those with the given tag, if any. */
  async newest(options: { tag?: string | undefined; limit?: number } = {}) {
    return this.find(options.tag ? { tags: { $some: { name: options.tag } } } : {}, {
      populate: ['author', 'tags'],
      orderBy: { id: 'desc', tags: { name: 'asc' } },
      limit: options.limit ?? 50,
    });
  }

  /** The query behind the virtual entity ArticleListing. */
  listing() {
    const comments = this.em
      .createQueryBuilder(Comment)
      .select(sql`cast(count(*) as integer)`) // a plain count is a string in PostgreSQL
      .where({ article: sql.ref('a.id') });
    return this.createQueryBuilder('a')
      .select(['slug', 'title', sql.ref('u.full_name').as('author_name'), comments.as('total_comments')])
      .join('a.author', 'u');
  }
}

function slugify(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
