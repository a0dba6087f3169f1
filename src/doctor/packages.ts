import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { RELEASED_TOGETHER } from '../mikro-orm-internals.js';
import { error, warning } from './finding.js';
import type { Finding } from './report.js';

/** One copy of a package. */
interface Installed {
  readonly name: string;
  readonly version: string;
  /** Without symbolic links, as Node.js and bundlers tell copies apart. */
  readonly folder: string;
  /** The packages that load this copy; the app itself is an empty name. */
  readonly users: Set<string>;
}

export interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

/** MikroORM's packages only work with one another in one exact version, and with one copy of the core. */
export function examinePackages(folder: string): Finding[] {
  const installed = readInstalled(folder);
  const show = ({ name, version, folder: place }: Installed): string =>
    `${name} ${version} in ${placeOf(folder, place)}`;
  const own = installed.filter(({ users }) => [...users].some(isOfMikroOrm));
  const isNested = (item: Installed): boolean => own.some(({ name }, i) => name === item.name && i < own.indexOf(item));
  const findings: Finding[] = [];
  if (new Set(own.map(({ version }) => version)).size > 1) {
    findings.push(
      error(
        'package-versions',
        'The packages of MikroORM have different versions. With two copies of its core, transactions and contexts of one are unknown to the other.',
        'List one exact version for all @mikro-orm/* packages, in every workspace, and install again.',
        own.map(item => (isNested(item) ? show(item) : `${item.name} ${item.version}`)),
      ),
    );
  }
  const cores = installed.filter(({ name }) => name === '@mikro-orm/core');
  if (cores.length > 1) {
    const isCertain = own.filter(({ name }) => name === '@mikro-orm/core').length > 1;
    findings.push(
      (isCertain ? error : warning)(
        'core-copies',
        `There are ${cores.length} copies of @mikro-orm/core. Entities, transactions and contexts of one are unknown to the other, and instanceof fails between them.`,
        'Let all packages ask for the version that the app has (npm ls @mikro-orm/core shows which package asks for another), then install again. A linked package lists @mikro-orm/core in its peerDependencies, and must not install a copy of its own.',
        cores.map(
          item =>
            `${show(item)}, for ${[...item.users]
              .map(user => user || 'the app')
              .sort()
              .join(', ')}`,
        ),
      ),
    );
  }
  return findings;
}

const isOfMikroOrm = (name: string): boolean =>
  name === '' || name === 'mikro-orm-web' || RELEASED_TOGETHER.includes(name);

/** Relative to the app where that is shorter. */
function placeOf(folder: string, place: string): string {
  const path = relative(realOf(folder) ?? folder, place);
  return path.startsWith(`..${sep}..${sep}..`) ? place : path;
}

/** All copies of MikroORM's packages that an app reaches through its dependencies, those of the app itself first. */
function readInstalled(folder: string): Installed[] {
  const found = new Map<string, Installed>();
  const seen = new Set<string>();
  const queue: { place: string; user: string }[] = [];
  const add = (name: string, from: string, user: string): void => {
    const place = resolvePackage(from, name);
    if (place === undefined) {
      return;
    }
    const version = RELEASED_TOGETHER.includes(name) ? readManifest(place)?.version : undefined;
    if (version !== undefined) {
      const item = found.get(place) ?? { name, version, folder: place, users: new Set() };
      found.set(place, item);
      item.users.add(user);
    }
    queue.push({ place, user: name });
  };
  const app = realOf(folder) ?? folder;
  const declared = dependenciesOf(readManifest(app) ?? {}, true);
  RELEASED_TOGETHER.forEach(name => add(name, app, ''));
  declared.forEach(name => add(name, app, ''));
  // what is installed there and not declared; other workspaces have packages of their own
  packagesIn(join(app, 'node_modules'))
    .filter(name => realOf(join(app, 'node_modules', name))?.includes(`${sep}node_modules${sep}`))
    .forEach(name => add(name, app, ''));
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { place, user } = next;
    if (!seen.has(place)) {
      seen.add(place);
      const names = [...dependenciesOf(readManifest(place) ?? {}, false), ...packagesIn(join(place, 'node_modules'))];
      new Set(names).forEach(name => add(name, place, user));
    }
  }
  return [...found.values()];
}

const dependenciesOf = (
  { dependencies, devDependencies, optionalDependencies, peerDependencies }: Manifest,
  withDev: boolean,
): string[] =>
  Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies, ...(withDev ? devDependencies : {}) });

/** The real folder of a package, as Node.js finds it from another folder. */
function resolvePackage(from: string, name: string): string | undefined {
  for (let place = from; ; place = dirname(place)) {
    const real = realOf(join(place, 'node_modules', name));
    if (real !== undefined || dirname(place) === place) {
      return real;
    }
  }
}

/** Names of the packages in a node_modules, scoped ones with their scope. */
function packagesIn(folder: string): string[] {
  return entriesOf(folder).flatMap(name =>
    name.startsWith('.')
      ? []
      : name.startsWith('@')
        ? entriesOf(join(folder, name)).map(item => `${name}/${item}`)
        : [name],
  );
}

export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
