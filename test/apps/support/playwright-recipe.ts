import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PrivatePackage } from '../../support/private-package.js';
import { CHROMIUM } from './journey.js';

const tests = resolve(import.meta.dirname, '../..');
const runners = new PrivatePackage(join(tests, 'testing/runners'));

/** Whether Playwright's test runner is there; where everything is to run, it is installed. */
export async function playwrightIsThere(): Promise<boolean> {
  if (process.env['REQUIRE_ALL'] === '1') {
    await runners.install();
  }
  const isThere = await runners.isInstalled();
  if (!isThere) {
    console.warn('SKIPPED: needs Playwright: node test/testing/runners/install.ts');
  }
  return isThere;
}

/** Runs tests of the example with the fixture of docs/testing.md, and returns what Playwright printed. */
export async function runPlaywrightRecipe(address: string): Promise<string> {
  const page = await readFile(join(tests, '../docs/testing.md'), 'utf8');
  const fixture = /```ts\n\/\/ e2e\/test\.ts\n([\s\S]*?)```/.exec(page)![1]!;
  await mkdir(join(tests, '.tmp'), { recursive: true });
  const folder = await mkdtemp(join(tests, '.tmp/playwright-'));
  const files = {
    'package.json': '{ "type": "module" }',
    'playwright.config.ts': `export default {
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    baseURL: '${address}',
    launchOptions: { executablePath: '${CHROMIUM}', args: ['--no-sandbox', '--disable-gpu'] },
  },
};`,
    'test.ts': fixture,
    'samples.spec.ts': `import { expect } from '@playwright/test';
import { test } from './test.ts';

for (const i of [1, 2]) {
  test('no articles but those that it adds: ' + i, async ({ page }) => {
    await page.goto('/articles');
    await expect(page.getByRole('heading', { name: 'Articles' })).toBeVisible();
    await expect(page.locator('article')).toHaveCount(0);
    await page.getByRole('button', { name: 'Add sample data' }).click();
    await expect(page.getByRole('link', { name: 'Notes on the Analytical Engine' })).toBeVisible();
  });
}`,
  };
  try {
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(folder, name), text);
    }
    await symlink(runners.modules, join(folder, 'node_modules'));
    const cli = join(runners.modules, '@playwright/test/cli.js');
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(NODE_ENV|NODE_OPTIONS|VITEST.*|TEST)$/.test(name),
    );
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'test'], {
      cwd: folder,
      env: Object.fromEntries(inherited) as NodeJS.ProcessEnv,
    }).catch(({ stdout: out, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`${out}\n${stderr}`);
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
