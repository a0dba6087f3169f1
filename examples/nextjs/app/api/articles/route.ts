import { serialize } from '@mikro-orm/core';
import { Article } from '../../../lib/entities';
import { articleFilter } from '../../../lib/input';
import { parse, withEm, withProblems } from '../../../lib/orm';

/** The newest articles; `?tag=` only those with a tag. */
export const GET = withProblems(async request => {
  const filter = await parse(articleFilter, Object.fromEntries(new URL(request.url).searchParams));
  return withEm(async em => {
    const articles = await em.getRepository(Article).newest(filter);
    const items = serialize(articles, {
      populate: ['author', 'tags'],
      exclude: ['author.email', 'author.bio', 'author.social'],
    });
    return Response.json({ items });
  });
});
