import { serialize } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/sql';
import { Article, Tag, User } from './entities.ts';

/** What a client sends for a new article. */
export interface NewArticle {
  title: string;
  text: string;
  email: string;
  fullName: string;
  tags: string[];
}

/** Newest first; only those with the tag, if there is one. */
export function findArticles(em: EntityManager, tag: string | null): Promise<Article[]> {
  return em.find(Article, tag ? { tags: { $some: { name: tag } } } : {}, {
    populate: ['author', 'tags'],
    orderBy: { createdAt: 'desc', title: 'asc', tags: { name: 'asc' } },
    limit: 50,
  });
}

/** Adds an article, with its author and tags where they are new. Reads first: the flush is one batch, all of it or nothing. */
export async function addArticle(
  em: EntityManager,
  { title, text, email, fullName, tags }: NewArticle,
): Promise<Article> {
  const known = await em.find(Tag, { name: { $in: tags } });
  const author = (await em.findOne(User, { email })) ?? em.create(User, { email, fullName });
  const article = em.create(Article, {
    title,
    text,
    slug: title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, ''),
    author,
    tags: [...new Set(tags)].map(name => known.find(tag => tag.name === name) ?? em.create(Tag, { name })),
  });
  await em.flush();
  return article;
}

export const toJson = (articles: Article[]) => serialize(articles, { populate: ['author', 'tags'] });

/** Reads what a client sent, or returns what is wrong with it. */
export function parseArticle(input: unknown): NewArticle | { path: string; message: string }[] {
  const { tags = [], ...texts } = Object(input) as Record<string, unknown>;
  const errors = ['title', 'text', 'email', 'fullName']
    .filter(path => typeof texts[path] !== 'string' || texts[path] === '')
    .map(path => ({ path, message: 'must be set' }));
  if (!Array.isArray(tags) || tags.some(tag => typeof tag !== 'string' || tag === '')) {
    errors.push({ path: 'tags', message: 'must be a list of names' });
  }
  return errors.length > 0 ? errors : ({ ...texts, tags } as unknown as NewArticle);
}
