// The pattern of MikroORM's guide for Next.js. The tables are there: the example migrates when it starts.
import { RequestContext } from '@mikro-orm/core';
import { MikroORM } from '@mikro-orm/sqlite';
import { Article } from './entities/article';
import { ArticleListing } from './entities/article-listing';
import { BaseEntity } from './entities/base';
import { Comment } from './entities/comment';
import { Social } from './entities/social';
import { Tag } from './entities/tag';
import { User } from './entities/user';

let cache: { orm: MikroORM; em: MikroORM['em'] };

export async function initORM() {
  if (cache) {
    return cache;
  }
  const orm = await MikroORM.init({
    dbName: process.env.DATABASE_FILE!,
    entities: [Article, ArticleListing, BaseEntity, Comment, Social, Tag, User],
  });
  return (cache = { orm, em: orm.em });
}

export async function withRequestContext<T>(callback: () => Promise<T>): Promise<T> {
  const { orm } = await initORM();
  return RequestContext.create(orm.em, callback);
}
