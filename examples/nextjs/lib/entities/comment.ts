import { defineEntity, p } from '@mikro-orm/core';
import { Article } from './article.ts';
import { BaseEntity } from './base.ts';
import { User } from './user.ts';

export const CommentSchema = defineEntity({
  name: 'Comment',
  extends: BaseEntity,
  properties: {
    text: p.text(),
    article: () => p.manyToOne(Article).ref().deleteRule('cascade'),
    author: () => p.manyToOne(User).ref(),
  },
});

export class Comment extends CommentSchema.class {}

CommentSchema.setClass(Comment);
