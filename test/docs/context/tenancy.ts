// The README's quick start, with the entity of docs/tenancy.md.
import { defineEntity, p } from '@mikro-orm/core';
import { defineConfig } from '@mikro-orm/sqlite';
import { createOrmSingleton, explicitEntities, withRequestContext } from '../../../src/index.js';

export { withRequestContext };
const NoteSchema = defineEntity({ name: 'Note', properties: { id: p.integer().primary(), tenantId: p.integer() } });
export class Note extends NoteSchema.class {}
NoteSchema.setClass(Note);
export const orm = createOrmSingleton(defineConfig({ dbName: 'app.db', entities: explicitEntities({ Note }) }));
