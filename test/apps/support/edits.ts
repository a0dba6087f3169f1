import type { Pattern } from './app-database.js';
import type { FixtureApp } from './next-app.js';

export const FIRST = 'Migration20260101000000';
export const SECOND = 'Migration20260201000000';

/** Makes the second release of both patterns: a migration and the property that it is for. */
export async function addMigration(app: FixtureApp): Promise<void> {
  for (const pattern of ['guide', 'ours'] as const) {
    await app.edit(`lib/${pattern}/migrations/${SECOND}.ts`, () =>
      [
        "import { Migration } from '@mikro-orm/migrations';",
        "import { addPinned } from '../../tables';",
        `export class ${SECOND} extends Migration { override up(): void { addPinned(this); } }`,
      ].join('\n'),
    );
    await app.edit(`lib/${pattern}/entities/note.entity.ts`, text =>
      text.replace('// later properties', 'pinned: p.boolean().default(false),'),
    );
  }
  await app.edit(
    'lib/guide/mikro-orm.config.ts',
    text =>
      `import { ${SECOND} } from './migrations/${SECOND}';\n${text.replace(`[${FIRST}]`, `[${FIRST}, ${SECOND}]`)}`,
  );
  await app.edit('lib/ours/migrations/index.ts', text => `${text}export { ${SECOND} } from './${SECOND}';\n`);
}

/** The edit of this number: one more property, and a method that tells the number. */
export function editNote(app: FixtureApp, pattern: Pattern, number: number): Promise<void> {
  return app.edit(`lib/${pattern}/entities/note.entity.ts`, text =>
    text
      .replace(/export const edit = \d+;/, `export const edit = ${number};`)
      .replace('// later properties', `extra${number}: p.string().nullable(),\n    // later properties`),
  );
}
