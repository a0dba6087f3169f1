import { defineEntity, p } from '@mikro-orm/core';
import type { DriverName } from '../../support/databases.js';

export const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: { id: p.integer().primary(), email: p.string() },
});
export class User extends UserSchema.class {}
UserSchema.setClass(User);

/** A key that the database counts up. */
export const COUNTED: Record<DriverName, string> = {
  sqlite: 'integer primary key autoincrement',
  libsql: 'integer primary key autoincrement',
  pglite: 'serial primary key',
  postgresql: 'serial primary key',
  mariadb: 'int auto_increment primary key',
  mysql: 'int auto_increment primary key',
};
