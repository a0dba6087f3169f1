import { serialize } from '@mikro-orm/core';
import { Article } from '../../../lib/entities';
import { articleFilter } from '../../../lib/input';
import { problem, withEm } from '../../../lib/orm';

/** The newest articles; `?tag=` only those with a tag. */
export const GET = problem(async request => {
  const filter = articleFilter.parse(Object.fromEntries(new URL(request.url).searchParams));
  return withEm(async em => {
    const articles = await em.getRepository(Article).newest(filter);
    const items = serialize(articles, {
      populate: ['author', 'tags'],
      exclude: ['author.email', 'author.bio', 'author.social'],
    });
    return Response.json({ items });
  });
});
