import { copySmallApp, createApp } from '../support/app.ts';
import type { Bench } from '../support/bench.ts';
import type { Cell } from '../support/cell.ts';

/** How a package manager installs, and runs what it installed. */
interface Manager {
  readonly name: string;
  /** Its package on npm. */
  readonly tool: string;
  /** Its command. */
  readonly command: string;
  /** In front of a command of an installed package. */
  readonly exec: readonly string[];
  /** In front of a script of the app. */
  readonly script: readonly string[];
  /** Settings in the app's folder. */
  readonly files?: Readonly<Record<string, string>>;
}

const npm = (version: number): Manager => ({
  name: `npm-${version}`,
  tool: `npm@${version}`,
  command: 'npm',
  exec: ['npm', 'exec', '--no', '--'],
  script: ['node'],
});

const yarn = (name: string, linker: string): Manager => ({
  name,
  tool: '@yarnpkg/cli-dist@4',
  command: 'yarn',
  exec: ['yarn', 'run'],
  script: ['yarn', 'node'],
  // an empty lockfile makes the folder a project of its own
  files: { '.yarnrc.yml': `nodeLinker: ${linker}\nenableTelemetry: false\n`, 'yarn.lock': '' },
});

const MANAGERS: readonly Manager[] = [
  npm(10),
  npm(11),
  npm(12),
  { name: 'pnpm', tool: 'pnpm@12', command: 'pnpm', exec: ['pnpm', 'exec'], script: ['node'] },
  yarn('yarn-node-modules', 'node-modules'),
  yarn('yarn-pnp', 'pnp'),
  { name: 'bun-install', tool: 'bun@1', command: 'bun', exec: ['bun', 'x', '--no-install'], script: ['node'] },
];

async function install(bench: Bench, { tool, command, files = {} }: Manager): Promise<void> {
  await createApp(bench);
  await copySmallApp(bench);
  for (const [file, text] of Object.entries(files)) {
    await bench.write(`app/${file}`, text);
  }
  bench.usePrograms(await bench.installTools(tool));
  bench.found.set(command, (await bench.exec([command, '--version'])).trim());
  const registry = (await bench.exec(['npm', 'config', 'get', 'registry'], { cwd: bench.folder })).trim();
  await bench.exec([command, 'install'], {
    // Yarn knows neither npm's settings nor, where it takes CI for given, that there is no lockfile yet
    env: { YARN_NPM_REGISTRY_SERVER: registry, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' },
  });
}

/** One copy of the ORM, the command line, and the app. */
async function use(bench: Bench, { exec, script }: Manager): Promise<void> {
  bench.found.set('@mikro-orm/core', (await bench.exec([...script, 'copies.js'])).trim());
  const cli = (code: number, ...args: string[]): Promise<string> =>
    bench.exec([...exec, 'mikro-orm-web', ...args], { code });
  await cli(0, '--help');
  await cli(1, 'migrate', '--check');
  await cli(0, 'migrate');
  await cli(0, 'migrate', '--check');
  await cli(0, 'status');
  await bench.exec([...script, 'main.js']);
}

export const packageManagers: readonly Cell[] = MANAGERS.map(manager => ({
  name: manager.name,
  about: `${manager.tool} installs; one @mikro-orm/core, the command line, a small app`,
  async run(bench) {
    await install(bench, manager);
    await use(bench, manager);
  },
}));
