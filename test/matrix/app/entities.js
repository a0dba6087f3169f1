import { defineEntity, p } from '@mikro-orm/core';

export const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: { id: p.integer().primary(), email: p.string().unique() },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);
