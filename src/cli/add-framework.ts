import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { configText, EMPTY_INDEXES, emptyEntitiesIndex, entitiesIndex, ENTITY, installCommands } from './app-files.js';
import { moduleOf, read, readLayout, type AppLayout } from './app-layout.js';
import type { Framework } from './frameworks.js';
import { toJavaScript } from './to-javascript.js';

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
  const layout = await readLayout(framework, app, to);
  const { language, otherAdapter } = layout;
  const show = (file: string): string => relative(app, file).split(sep).join('/');
  if (to !== undefined && !new RegExp(`(?<!\\.d)\\.${language}$`).test(to)) {
    const example = framework.adapter.file.replace(/ts$/, language);
    throw new Error(`--to names the adapter's file, such as ${example}; got ${to}.`);
  }
  if (otherAdapter !== undefined) {
    const there = show(otherAdapter);
    throw new Error(
      `The app has an adapter already: ${there}. A second one would be another ORM beside it, so nothing was written. Leave --to out, or move ${there} to ${to} with the imports that lead to it.`,
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
  const { adapter, config, entities, extension, instrumentation, language } = layout;
  const files: NewFile[] = [];
  const text = configOf(layout);
  const own = await read(config);
  // a config of the app's own knows where its entities and migrations are
  if (own === undefined || own === text) {
    const user = join(entities, `user.${language}`);
    const isOurs = ((await read(user)) ?? ENTITY) === ENTITY;
    const isNew = !existsSync(entities) || (hasOnly(entities, [`index.${language}`, `user.${language}`]) && isOurs);
    if (isNew) {
      files.push([user, ENTITY]);
    }
    files.push([
      join(entities, `index.${language}`),
      isNew ? entitiesIndex(`./user${extension}`) : emptyEntitiesIndex(extension),
    ]);
    files.push([indexOf(layout), EMPTY_INDEXES[language]]);
  }
  const importEnd = language === 'ts' && framework.bundled ? '' : extension;
  const configModule = moduleOf(adapter, config, importEnd);
  files.push([config, text]);
  files.push([
    adapter,
    (await published(framework.adapter.example, language)).replace(
      /'\.{1,2}\/mikro-orm\.config(?:\.ts)?'/,
      `'${configModule}'`,
    ),
  ]);
  if (instrumentation !== undefined) {
    const code = await published(framework.instrumentation!.example, language);
    files.push([instrumentation, code.replace("'./lib/orm'", `'${moduleOf(instrumentation, adapter, importEnd)}'`)]);
  }
  return files;
}

/** What the app's author has to do now, as sentences and commands. */
async function stepsFor(
  framework: Framework,
  layout: AppLayout,
  kept: readonly string[],
  show: (file: string) => string,
): Promise<string[]> {
  const { adapter, config, dependencies, driver, entities, extension, instrumentation, language, migrations } = layout;
  // Node.js itself strips types, and finds no import without its extension
  const needsLoader = language === 'ts' && (extension !== '.ts' || !process.features.typescript);
  const steps = installCommands(dependencies, driver, needsLoader ? ['tsx'] : []);
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
  const index = join(entities, `index.${language}`);
  if ((await read(index)) === emptyEntitiesIndex(extension)) {
    steps.push(`Export the entities of the folder in ${show(index)}.`);
  }
  if ((await read(indexOf(layout))) === EMPTY_INDEXES[language] && !hasOnly(migrations, [basename(indexOf(layout))])) {
    steps.push(`npx mikro-orm-web add index --path ${show(migrations)}`);
  }
  if (['sqlite', 'libsql', 'pglite'].includes(driver) && !kept.includes(config)) {
    steps.push(`Keep the database out of git: add ${driver === 'pglite' ? 'data/' : 'app.db*'} to .gitignore.`);
  }
  steps.push(`npx mikro-orm migration:create --config ${show(config)}  (when the entities are what you want)`);
  return [...steps, ...framework.use.map(line => line.replace('{orm}', show(adapter)))];
}

function configOf(layout: AppLayout): string {
  const { app, config, driver, entities, extension, language, migrations } = layout;
  return configText(driver, {
    entities: moduleOf(config, join(entities, `index.${language}`), extension),
    migrations: moduleOf(config, indexOf(layout), extension),
    emit: language === 'js' ? 'cjs' : undefined,
    migrationsFolder: moduleOf(join(app, 'package.json'), migrations, ''),
  });
}

/** The index of migrations. MikroORM writes those in JavaScript as CommonJS, which only .cjs is in every package. */
const indexOf = ({ migrations, language }: AppLayout): string =>
  join(migrations, language === 'js' ? 'index.cjs' : 'index.ts');

/** Whether a folder has no code but these files. */
const hasOnly = (folder: string, files: readonly string[]): boolean =>
  readdirSync(folder).every(file => files.includes(file) || !/\.[cm]?[jt]s$/.test(file));

/** A file of this package. The built command line lies in dist/. */
async function published(path: string, language: 'ts' | 'js'): Promise<string> {
  const code = await readFile(new URL(`../${path}`, import.meta.url), 'utf8');
  return language === 'js' ? toJavaScript(code) : code;
}

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
