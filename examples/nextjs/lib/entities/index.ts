export { Article } from './article.ts';
export { ArticleListing } from './article-listing.ts';
export { BaseEntity } from './base.ts';
export { Comment } from './comment.ts';
export { Social } from './social.ts';
export { Tag } from './tag.ts';
export { User, type Page } from './user.ts';
