import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Env } from '../../frameworks/support/server.ts';
import type { Bench } from './bench.ts';
import { devDependencies, repository } from './library.ts';

const execute = promisify(execFile);

/** What these tests do not need, and what is large or for other systems. */
const LEFT_OUT =
  /^(?:@arethetypeswrong|@changesets|@cloudflare|autocannon|@types\/autocannon|miniflare|node$|ox|playwright|publint|tsup)/;

/** Copies the repository, with the packed library as its build. Its own packages are linked if no others are told. */
export async function copyRepository(bench: Bench, packages?: Packages): Promise<void> {
  const { stdout } = await execute('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
  });
  const files = stdout.split('\0').filter(file => /^(?:src|test|examples)\/|^[^/]+\.(?:json|ts)$/.test(file));
  for (const file of files) {
    await mkdir(dirname(bench.path('app', file)), { recursive: true });
    // a file that was deleted since is still listed
    await cp(join(repository, file), bench.path('app', file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  const library = await bench.library();
  await bench.exec(['tar', '-xzf', library, '--strip-components=1', 'package/dist']);
  if (packages) {
    await installPackages(bench, packages);
  } else {
    await symlink(join(repository, 'node_modules'), bench.path('app/node_modules'));
  }
}

/** Packages in other versions than the repository's. */
export interface Packages {
  /** Direct dependencies, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** What others depend on. */
  readonly overrides: Readonly<Record<string, string>>;
}

async function installPackages(bench: Bench, { versions, overrides }: Packages): Promise<void> {
  const text = await readFile(join(repository, 'package.json'), 'utf8');
  const { workspaces: _, peerDependencies: __, ...manifest } = JSON.parse(text) as Record<string, unknown>;
  const kept = Object.entries(devDependencies).filter(([name]) => !LEFT_OUT.test(name));
  await bench.write('app/package.json', {
    ...manifest,
    devDependencies: { ...Object.fromEntries(kept), ...versions },
    overrides: { ...(manifest['overrides'] as object), ...overrides },
  });
  await bench.npmInstall('app');
}

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { assertionResults: { status: string; fullName: string }[] }[];
}

/** Runs test files of the copy, for some drivers; `only` is a pattern of names. */
export async function runTests(
  bench: Bench,
  files: readonly string[],
  drivers: readonly string[],
  { env = {}, only }: { env?: Env; only?: string } = {},
): Promise<void> {
  const file = bench.path('report.json');
  const limits = ['--testTimeout=180000', '--hookTimeout=300000'];
  const command = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--project', 'library', ...limits, ...files];
  const options = { env: { VITEST_JSON: file, TEST_DRIVERS: drivers.join(), ...env } };
  const failed = await bench.exec([...command, ...(only ? ['-t', only] : [])], options).then(
    () => undefined,
    (error: unknown) => error,
  );
  const report = await readFile(file, 'utf8').catch(() => undefined);
  if (report === undefined) {
    throw failed ?? new Error('Vitest wrote no report');
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(report) as Report;
  bench.found.set('tests passed', String(numPassedTests));
  const names = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
  if (failed || numPassedTests === 0) {
    throw new Error(`${numFailedTests} tests failed, ${numPassedTests} passed:\n${names.join('\n')}`, {
      cause: failed,
    });
  }
}
