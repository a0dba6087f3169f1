import { defineEntity, p } from '@mikro-orm/core';

/** An embeddable: a user's links, stored as JSON in the user's own row. */
export const Social = defineEntity({
  name: 'Social',
  embeddable: true,
  properties: {
    website: p.string().nullable(),
    github: p.string().nullable(),
  },
});
