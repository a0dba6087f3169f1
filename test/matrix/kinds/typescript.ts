import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createApp, DEPENDENCIES } from '../support/app.ts';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';
import { devDependencies, repository } from '../support/library.ts';
import { run } from '../../frameworks/support/server.ts';

const RESOLUTIONS = [
  { moduleResolution: 'nodenext', module: 'nodenext' },
  { moduleResolution: 'bundler', module: 'esnext' },
] as const;

const MIGRATION = `import { Migration } from '@mikro-orm/migrations';

export class Migration20260101000000 extends Migration {
  override name = 'Migration20260101000000';
  override up(): void {
    this.addSql('create table user (id integer primary key, email text not null unique, full_name text not null)');
  }
}
`;

/** What the quick start leaves to the reader: imports around its last line, and the entries that it does not show. */
const wrap = (handler: string): string => `import { withRequestContext, mapOrmError, type EmOf } from 'mikro-orm-web';
import { createEdgeOrm } from 'mikro-orm-web/edge';
import { openSandbox } from 'mikro-orm-web/testing';
import { User } from './entities';
import { orm } from './orm';

${handler}
export const names: string[] = users.map(user => user.fullName);
export const code = mapOrmError(new Error('not of the database'), { orm })?.code;
export const sandbox = (): Promise<{ rollback(): Promise<void> }> => openSandbox(orm);
export type Em = EmOf<typeof orm>;
export { createEdgeOrm };
`;

/** The same packages without this one: what fails here, too, is not ours. */
const CONTROL = `import { defineEntity, p } from '@mikro-orm/core';
import * as cli from '@mikro-orm/cli';
import * as migrations from '@mikro-orm/migrations';
import * as sql from '@mikro-orm/sql';
import { defineConfig } from '@mikro-orm/sqlite';

export const UserSchema = defineEntity({ name: 'User', properties: { id: p.integer().primary() } });
export default defineConfig({ dbName: 'app.db', entities: [UserSchema] });
export { cli, migrations, sql };
`;

/** The files of the quick start in README.md, as a reader writes them. */
async function readQuickStart(): Promise<Map<string, string>> {
  const page = await readFile(join(repository, 'README.md'), 'utf8');
  const section = /^## Quick start\n(.*?)^## /ms.exec(page)?.[1] ?? '';
  const code = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text]) => text!).join('\n');
  const files = new Map<string, string>();
  for (const [, file, text] of code.matchAll(/^\/\/ (\S+\.ts)\n(.*?)(?=^\/\/ |$(?![^]))/gms)) {
    files.set(file!, text!);
  }
  const handler = /^\/\/ wherever a request is handled\n(.*)/ms.exec(code)?.[1];
  if (!handler || !['entities.ts', 'mikro-orm.config.ts', 'orm.ts'].every(file => files.has(file))) {
    throw new Error(`The quick start has other files than these cells know: ${[...files.keys()].join(', ')}`);
  }
  files.set('handler.ts', wrap(handler));
  files.set('migrations/index.ts', "export { Migration20260101000000 } from './Migration20260101000000';\n");
  files.set('migrations/Migration20260101000000.ts', MIGRATION);
  return files;
}

/** `nodenext` wants the extension in a relative import. */
const withExtensions = (text: string): string =>
  text.replaceAll(/ from '(\.{1,2}\/[^']+)'/g, (_, path: string) =>
    path === './migrations' ? " from './migrations/index.js'" : ` from '${path}.js'`,
  );

async function writeProjects(bench: Bench): Promise<void> {
  const files = await readQuickStart();
  for (const { moduleResolution, module } of RESOLUTIONS) {
    for (const [project, sources] of Object.entries({ app: files, control: new Map([['control.ts', CONTROL]]) })) {
      const folder = `app/${moduleResolution}-${project}`;
      for (const [file, text] of sources) {
        await bench.write(`${folder}/${file}`, moduleResolution === 'nodenext' ? withExtensions(text) : text);
      }
      await bench.write(`${folder}/tsconfig.json`, {
        compilerOptions: {
          target: 'es2022',
          module,
          moduleResolution,
          lib: ['es2023', 'esnext.disposable'],
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
          verbatimModuleSyntax: true,
          noEmit: true,
        },
        include: ['.'],
      });
    }
  }
}

/** The errors of a project, each in a line that names its file. */
async function check(bench: Bench, project: string, skipLibCheck: boolean): Promise<string[]> {
  const tsc = bench.path('app/node_modules/typescript/bin/tsc');
  const flags = ['-p', project, '--pretty', 'false', '--skipLibCheck', String(skipLibCheck)];
  const running = run([process.execPath, tsc, ...flags], bench.path('app'));
  const code = await running.ended(600_000);
  const errors = running
    .output()
    .split('\n')
    .filter(line => /error TS\d+/.test(line));
  if ((code === 0) !== (errors.length === 0)) {
    throw new Error(`tsc ended with ${code}:\n${running.output()}`);
  }
  return errors;
}

/** An error, by the package that it is in: `zod (TS2304)`. */
function nameError(error: string): string {
  const [, name = error] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(error) ?? [];
  return `${name} (${/TS\d+/.exec(error)![0]})`;
}

/** Checks all declarations, too. What is wrong in those of others counts as ours, unless it is so without us; returns it. */
async function checkResolution(bench: Bench, moduleResolution: string): Promise<string[]> {
  const app = `${moduleResolution}-app`;
  const errors = await check(bench, app, false);
  if (errors.length === 0) {
    return [];
  }
  const control = await check(bench, `${moduleResolution}-control`, false);
  const ours = [...(await check(bench, app, true)), ...errors.filter(error => !control.includes(error))];
  if (ours.length > 0) {
    throw new Error(`${moduleResolution}:\n${ours.join('\n')}`);
  }
  return errors.map(nameError);
}

const VERSIONS = ['5.6', '5.9', '6', '7'];

export const typescripts: readonly Cell[] = VERSIONS.map(version => ({
  name: `typescript-${version}`,
  about: `TypeScript ${version} checks the README's quick start: nodenext and bundler, with and without skipLibCheck`,
  async run(bench) {
    const types = devDependencies['@types/node']!;
    await createApp(bench, {
      dependencies: { ...DEPENDENCIES, '@mikro-orm/sql': DEPENDENCIES['@mikro-orm/core'] },
      devDependencies: { typescript: version, '@types/node': types },
    });
    await mkdir(bench.path('app'), { recursive: true });
    await bench.npmInstall('app');
    await bench.findVersions('app', 'typescript', '@mikro-orm/core');
    await writeProjects(bench);
    const upstream = new Set<string>();
    for (const { moduleResolution } of RESOLUTIONS) {
      (await checkResolution(bench, moduleResolution)).forEach(error => upstream.add(error));
    }
    if (upstream.size > 0) {
      bench.notes.push(
        `with \`skipLibCheck: false\`, errors in ${[...upstream].join(', ')}, the same without this library`,
      );
    }
  },
}));
