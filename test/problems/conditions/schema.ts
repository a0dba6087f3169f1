/** A schema that every driver has a table for, with names that differ between property and column. */
import { defineEntity, p } from '@mikro-orm/core';

export const Team = defineEntity({
  name: 'Team',
  tableName: 'teams',
  properties: { id: p.integer().primary(), slug: p.string().unique() },
});

export const Member = defineEntity({
  name: 'Member',
  tableName: 'members',
  properties: {
    id: p.integer().primary(),
    version: p.integer().version(),
    email: p.string().fieldName('mail_addr').unique(),
    nickName: p.string(),
    firstName: p.string().nullable(),
    lastName: p.string().fieldName('family_nm').nullable(),
    team: () => p.manyToOne(Team).nullable().deleteRule('no action'),
    age: p.integer().nullable().check('age >= 0'),
    rankNo: p.smallint().nullable(),
    level: p.enum(['junior', 'senior']).nullable(),
    shortCode: p.string().length(5).nullable(),
    bornOn: p.date().nullable(),
    badgeId: p.uuid().nullable(),
    settings: p.json<object>().nullable(),
  },
  uniques: [{ properties: ['firstName', 'lastName'] }],
});

export const Membership = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  properties: {
    member: () => p.manyToOne(Member).primary(),
    group: () => p.manyToOne(Team).primary(),
  },
});

export const Booking = defineEntity({
  name: 'Booking',
  tableName: 'bookings',
  properties: { id: p.integer().primary(), roomNo: p.integer(), note: p.text().nullable() },
});

/** A key that clients choose. */
export const Label = defineEntity({
  name: 'Label',
  tableName: 'labels',
  properties: { code: p.string().primary() },
});

export const Sticker = defineEntity({
  name: 'Sticker',
  tableName: 'stickers',
  properties: { id: p.integer().primary(), label: () => p.manyToOne(Label).deleteRule('no action') },
});

export const entities = [Team, Member, Membership, Booking, Label, Sticker];
