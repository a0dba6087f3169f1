import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { configText, EMPTY_INDEX, emptyEntitiesIndex, entitiesIndex, ENTITY, installCommands } from './app-files.js';
import { moduleOf, read, readLayout, type AppLayout } from './app-layout.js';
import type { Framework } from './frameworks.js';

/** A file to write. */
type NewFile = readonly [file: string, text: string];

/**
 * Copies a framework's adapter into an app, with the config, the indexes and the instrumentation that it needs, and says what
 * it wrote and what is left to do. Files that exist stay as they are.
 */
export async function addFramework(
  framework: Framework,
  { app, to }: { app: string; to?: string | undefined },
): Promise<number> {
  if (to !== undefined && !/(?<!\.d)\.ts$/.test(to)) {
    throw new Error(`--to names the adapter's file, such as ${framework.adapter.file}; got ${to}.`);
  }
  const layout = await readLayout(framework, app, to);
  const show = (file: string): string => relative(app, file).split(sep).join('/');
  const there = layout.otherAdapters.map(show);
  if (to === undefined && there.length > 1) {
    throw new Error(
      `Several files export an ORM: ${there.join(', ')}. Nothing was written. Say which is the app's by --to ${there[0]}, say, or export it as orm in one of them only.`,
    );
  }
  if (there.length > 0) {
    throw new Error(
      `The app has an adapter already: ${there.join(', ')}. A second one would be another ORM beside it, so nothing was written. Leave --to out, or move ${there[0]} to ${to} with the imports that lead to it.`,
    );
  }
  const kept: string[] = [];
  for (const [file, text] of await filesFor(framework, layout)) {
    const found = await writeNew(file, text);
    if (found === 'other') {
      kept.push(file);
    }
    console.log(
      `${{ none: 'Wrote', same: 'Is there already:', other: 'Exists, and is left alone:' }[found]} ${show(file)}`,
    );
  }
  const steps = await stepsFor(framework, layout, kept, show);
  console.log(`\nWhat is left to do:\n${steps.map(step => `- ${step}`).join('\n')}`);
  return 0;
}

/** The files, in an order in which a run that was cut short can be run again. */
async function filesFor(framework: Framework, layout: AppLayout): Promise<NewFile[]> {
  const { adapter, config, entities, extension, instrumentation, migrations } = layout;
  const files: NewFile[] = [];
  const text = configOf(layout);
  const own = await read(config);
  // a config of the app's own knows where its entities and migrations are
  if (own === undefined || own === text) {
    const user = (await read(join(entities, 'user.ts'))) ?? ENTITY;
    const isNew = !existsSync(entities) || (hasOnly(entities, ['index.ts', 'user.ts']) && user === ENTITY);
    if (isNew) {
      files.push([join(entities, 'user.ts'), ENTITY]);
    }
    files.push([
      join(entities, 'index.ts'),
      isNew ? entitiesIndex(`./user${extension}`) : emptyEntitiesIndex(extension),
    ]);
    files.push([join(migrations, 'index.ts'), EMPTY_INDEX]);
  }
  const configModule = moduleOf(adapter, config, framework.bundled ? '' : extension);
  files.push([config, text]);
  files.push([
    adapter,
    (await published(framework.adapter.example)).replace(/'\.{1,2}\/mikro-orm\.config(?:\.ts)?'/, `'${configModule}'`),
  ]);
  if (instrumentation !== undefined) {
    const code = await published(framework.instrumentation!.example);
    files.push([instrumentation, code.replace("'./lib/orm'", `'${moduleOf(instrumentation, adapter, '')}'`)]);
  }
  return files;
}

/** What the app's author has to do now, as sentences and commands. */
async function stepsFor(
  framework: Framework,
  { adapter, config, dependencies, driver, entities, extension, hasTsconfig, instrumentation, migrations }: AppLayout,
  kept: readonly string[],
  show: (file: string) => string,
): Promise<string[]> {
  // Node.js itself strips types, and finds no import without its extension
  const needsLoader = extension !== '.ts' || !process.features.typescript;
  const steps = installCommands(dependencies, driver, needsLoader ? ['tsx'] : []);
  if (!hasTsconfig) {
    steps.unshift(`These files are TypeScript, and the app has no tsconfig.json: ${framework.withoutTypeScript}`);
  }
  if (kept.includes(config) && !/explicitMigrations/.test((await read(config)) ?? '')) {
    steps.push(
      `${show(config)} has to list entities: explicitEntities({ User }) and ...explicitMigrations(migrations), and to export the config as default. mikro-orm-web add index lists existing migrations.`,
    );
  }
  for (const [file, example] of [
    [adapter, framework.adapter.example],
    [instrumentation, framework.instrumentation?.example],
  ] as const) {
    if (file !== undefined && kept.includes(file)) {
      steps.push(`Compare ${show(file)} with node_modules/mikro-orm-web/${example}, unless you changed it on purpose.`);
    }
  }
  const index = join(entities, 'index.ts');
  if ((await read(index)) === emptyEntitiesIndex(extension)) {
    steps.push(`Export the entities of the folder in ${show(index)}.`);
  }
  if ((await read(join(migrations, 'index.ts'))) === EMPTY_INDEX && !hasOnly(migrations, ['index.ts'])) {
    steps.push(`npx mikro-orm-web add index --path ${show(migrations)}`);
  }
  if (['sqlite', 'libsql', 'pglite'].includes(driver) && !kept.includes(config)) {
    steps.push(`Keep the database out of git: add ${driver === 'pglite' ? 'data/' : 'app.db*'} to .gitignore.`);
  }
  steps.push(`npx mikro-orm migration:create --config ${show(config)}  (when the entities are what you want)`);
  return [...steps, ...framework.use.map(line => line.replace('{orm}', show(adapter)))];
}

function configOf({ app, config, driver, entities, extension, migrations }: AppLayout): string {
  return configText(driver, {
    entities: moduleOf(config, join(entities, 'index.ts'), extension),
    migrations: moduleOf(config, join(migrations, 'index.ts'), extension),
    migrationsFolder: moduleOf(join(app, 'package.json'), migrations, ''),
  });
}

/** Whether a folder has no code but these files. */
const hasOnly = (folder: string, files: readonly string[]): boolean =>
  readdirSync(folder).every(file => files.includes(file) || !/\.[cm]?[jt]s$/.test(file));

/** A file of this package. The built command line lies in dist/. */
const published = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8');

/** Writes a file that does not exist yet, and says what was there. */
async function writeNew(file: string, text: string): Promise<'none' | 'same' | 'other'> {
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, text, { flag: 'wx' });
    return 'none';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
    return (await read(file)) === text ? 'same' : 'other';
  }
}
