import { defineEntity, p } from '@mikro-orm/core';

export const UserSchema = defineEntity({
  name: 'User',
  properties: { id: p.integer().primary(), email: p.string().unique(), fullName: p.string() },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);
