import { defineEntity, p, type EventArgs } from '@mikro-orm/core';
import { EntityRepository } from '@mikro-orm/sql';
import { hashPassword, verifyPassword } from '../password.ts';
import { Article } from './article.ts';
import { BaseEntity } from './base.ts';
import { Social } from './social.ts';

export const UserSchema = defineEntity({
  name: 'User',
  extends: BaseEntity,
  repository: () => UserRepository,
  properties: {
    fullName: p.string(),
    email: p.string().unique(),
    // lazy: no query selects it unless asked to; hidden: serialize() never shows it
    password: p.string().lazy().ref().hidden(),
    bio: p.text().default(''),
    social: () => p.embedded(Social).object().nullable(),
    articles: () => p.oneToMany(Article).mappedBy('author').hidden(),
  },
});

export class User extends UserSchema.class {
  async hasPassword(password: string): Promise<boolean> {
    return verifyPassword(password, await this.password.loadOrFail());
  }
}

UserSchema.setClass(User);
UserSchema.addHook<User>('beforeCreate', hashChangedPassword);
UserSchema.addHook<User>('beforeUpdate', hashChangedPassword);

async function hashChangedPassword({ entity, changeSet }: EventArgs<User>): Promise<void> {
  const password = entity.password.unwrap();
  if (password !== undefined && changeSet && 'password' in changeSet.payload) {
    entity.password.set(await hashPassword(password));
  }
}

/** Opaque positions in a list: the `startCursor` and `endCursor` of a page before. */
export type Page = { after?: string | undefined; before?: string | undefined; size?: number | undefined };

export class UserRepository extends EntityRepository<User> {
  /** Newest first. Cursors, unlike offsets, stay right while rows are added, and stay fast on the last page. */
  async page({ after, before, size = 5 }: Page = {}) {
    const range = before ? { before, last: size } : { first: size, ...(after && { after }) };
    return this.findByCursor({ ...range, orderBy: { id: 'desc' } });
  }

  /** The user with this email address and password, or undefined. */
  async login(email: string, password: string): Promise<User | undefined> {
    const user = await this.findOne({ email }, { populate: ['password'] });
    // also without a user, so that the time it takes does not tell which addresses are known
    const matches = await (user?.hasPassword(password) ?? verifyPassword(password, undefined));
    return user && matches ? user : undefined;
  }
}
