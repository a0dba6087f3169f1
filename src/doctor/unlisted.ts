import { findUnlisted } from '../entities/unlisted-entities.js';
import type { AnyOrm } from '../orm-source.js';
import type { Finding } from './report.js';

/** D8: entities that `explicitEntities` does not list, and that a minifier will name. */
export function examineUnlisted(orm: AnyOrm): Finding[] {
  return findUnlisted(orm).map(({ name, through }) => ({
    id: 'unlisted-entity',
    severity: 'error',
    message: `The entity ${name} is not listed. In a bundle it has the name that a minifier made, and so have its table and the columns that lead to it.`,
    ...(through ? { evidence: [`found through ${through}`] } : {}),
    fix: `Write explicitEntities({ …, ${name} }), or ${name}: ${name}Schema where the entity comes from defineEntity. If it needs no table, make it abstract.`,
  }));
}
