import { Utils } from '@mikro-orm/core';

/** The minor releases that the contract tests of this folder were run with. */
const TESTED_MINORS = ['7.2'];

/** Packages that are released together, in one version; others under the scope have versions of their own. */
export const RELEASED_TOGETHER: readonly string[] = [
  'cli',
  'core',
  'decorators',
  'entity-generator',
  'es',
  'libsql',
  'mariadb',
  'migrations',
  'migrations-mongodb',
  'mongodb',
  'mssql',
  'mysql',
  'oracledb',
  'pglite',
  'postgresql',
  'reflection',
  'seeder',
  'sql',
  'sqlite',
].map(name => `@mikro-orm/${name}`);

const WARNED = Symbol.for('mikro-orm-web/versions@1');

/**
 * Warns, once a process, of versions of MikroORM that this library does not know, or that differ from one another. It throws
 * never: an app that works is not to be stopped by a version number.
 */
export function warnOfVersions(): void {
  const host = globalThis as { [WARNED]?: true };
  if (host[WARNED]) {
    return;
  }
  host[WARNED] = true;
  try {
    const core = Utils.getORMVersion();
    const untested = describeUntested(core);
    if (untested !== undefined) {
      process.emitWarning(untested, { code: 'MIKRO_ORM_WEB_UNTESTED_VERSION' });
    }
    // the variable that switches MikroORM's own check off, which only its command line makes
    const mismatch = process.env['MIKRO_ORM_ALLOW_VERSION_MISMATCH'] ? undefined : describeMismatch(core);
    if (mismatch !== undefined) {
      process.emitWarning(mismatch, { code: 'MIKRO_ORM_WEB_VERSION_MISMATCH' });
    }
  } catch {
    // a runtime without a working directory, or a core that tells no version
  }
}

function describeUntested(core: string): string | undefined {
  const [, minor] = /^(\d+\.\d+)\./.exec(core) ?? [];
  // builds from sources have a placeholder in place of a version
  return minor === undefined || TESTED_MINORS.includes(minor)
    ? undefined
    : `mikro-orm-web was tested with MikroORM ${TESTED_MINORS.join(' and ')}, and ${core} is installed. It also uses parts that MikroORM may change in a minor release. Look for a newer mikro-orm-web, or install ${TESTED_MINORS.at(-1)} of all @mikro-orm/* packages.`;
}

/**
 * The versions on disk of what the app lists, where they are not the core's. Modules of Node.js are asked for at run time, so
 * that no bundler follows them, and a bundle whose packages are not on disk has nothing to compare.
 */
function describeMismatch(core: string): string | undefined {
  const require = process.getBuiltinModule('node:module').createRequire(`${process.cwd()}/package.json`);
  const read = <T extends object>(path: string): Partial<T> => {
    try {
      return require(path) as T;
    } catch {
      return {};
    }
  };
  const { dependencies, devDependencies } = read<Record<'dependencies' | 'devDependencies', object>>('./package.json');
  const others = Object.keys({ ...dependencies, ...devDependencies })
    .filter(name => RELEASED_TOGETHER.includes(name))
    .map(name => [name, read<{ version: string }>(`${name}/package.json`).version] as const)
    .filter(([, version]) => version !== undefined && version !== core)
    .map(([name, version]) => `${name} ${version}`);
  return others.length === 0
    ? undefined
    : `@mikro-orm/core ${core} is loaded, and beside it ${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} installed. MikroORM's packages work with each other in one exact version only: list the same one for all of them, and install again. \`npx mikro-orm-web doctor\` shows where each copy is.`;
}
