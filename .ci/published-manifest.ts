import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

// npm calls this before `npm publish` and, with --restore, after it. What only the repository needs stays out of the package, and
// where the repository lies is told by the release that runs there: npm's provenance compares the two.

const ONLY_HERE = ['workspaces', 'devDependencies', 'scripts', 'overrides', 'allowScripts'];
const KEPT = '.package.json.kept';

/** The address of the repository, by the workflow's environment or else by git. */
function findRepository(): string {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
  if (GITHUB_REPOSITORY) {
    return `${GITHUB_SERVER_URL ?? 'https://github.com'}/${GITHUB_REPOSITORY}`;
  }
  const remote = execFileSync('git', ['remote', 'get-url', 'origin'], { encoding: 'utf8' }).trim();
  return remote
    .replace(/^git@([^:]+):/, 'https://$1/')
    .replace(/\/\/[^/@]*@/, '//') // no credentials
    .replace(/\.git$/, '');
}

if (process.argv.includes('--restore')) {
  if (existsSync(KEPT)) {
    renameSync(KEPT, 'package.json');
  }
} else {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>;
  const repository = findRepository();
  const published = {
    ...Object.fromEntries(Object.entries(manifest).filter(([key]) => !ONLY_HERE.includes(key))),
    homepage: `${repository}#readme`,
    bugs: `${repository}/issues`,
    repository: { type: 'git', url: `git+${repository}.git` },
  };
  copyFileSync('package.json', KEPT);
  writeFileSync('package.json', `${JSON.stringify(published, null, 2)}\n`);
}
