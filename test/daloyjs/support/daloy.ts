import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const example = resolve(import.meta.dirname, '../../../examples/daloyjs');

const PACKAGES = ['@daloyjs/core', '@daloyjs/core/node', '@daloyjs/core/openapi'] as const;

/** Files of the package `@daloyjs/core` that the tests run on, by specifier. */
export interface Daloy {
  real: boolean;
  from: string;
  files: Record<(typeof PACKAGES)[number], string>;
}

/** The real package where the example has it installed, or MIKRO_ORM_WEB_DALOY leads to it; else the double. */
export function findDaloy(): Daloy {
  const given = process.env['MIKRO_ORM_WEB_DALOY'];
  const folder = resolve(given ?? join(example, 'node_modules/@daloyjs/core'));
  const manifest = join(folder, 'package.json');
  if (!given && !existsSync(manifest)) {
    const double = resolve(import.meta.dirname, '../double');
    const fileOf = (entry: string): string => join(double, `${entry === '.' ? 'index' : entry.slice(2)}.ts`);
    return { real: false, from: double, files: filesBy(fileOf) };
  }
  if (!existsSync(manifest)) {
    throw new Error(`MIKRO_ORM_WEB_DALOY leads to no package: ${manifest} does not exist`);
  }
  const { name, version, exports } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    name: string;
    version: string;
    exports: Record<string, { import: string }>;
  };
  const fileOf = (entry: string): string => {
    const file = join(folder, exports[entry]?.import ?? '');
    if (name !== '@daloyjs/core' || !exports[entry] || !existsSync(file)) {
      throw new Error(`${folder} is no built @daloyjs/core: it has no ${entry}`);
    }
    return file;
  };
  return {
    real: true,
    from: `${folder}, version ${version}`,
    files: filesBy(fileOf),
  };
}

/** Finds each of the package's files by what `exports` calls it, such as `./node`. */
function filesBy(fileOf: (entry: string) => string): Daloy['files'] {
  const entries = PACKAGES.map(name => [name, fileOf(name.replace('@daloyjs/core', '.'))]);
  return Object.fromEntries(entries) as Daloy['files'];
}
