import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';

export const CHROMIUM = '/usr/bin/chromium';

export function browserIsThere(): boolean {
  if (existsSync(CHROMIUM)) {
    return true;
  }
  if (process.env['REQUIRE_ALL'] === '1') {
    throw new Error(`REQUIRE_ALL=1, and there is no Chromium at ${CHROMIUM}`);
  }
  console.warn(`SKIPPED: there is no Chromium at ${CHROMIUM}`);
  return false;
}

export function launchBrowser(): Promise<Browser> {
  const args = [
    '--no-sandbox',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * Walks through the Next.js example, whose database is empty: a user is added, a duplicate is refused at its field, pages
 * turn, articles show their tags.
 */
export async function walkThroughExample(
  page: Page,
  address: string,
  shoot?: (name: string) => Promise<unknown>,
): Promise<void> {
  const browser = page.context().browser()!;
  await page.goto(`${address}/articles`);
  await page.getByRole('button', { name: 'Add sample data' }).click();
  await page.getByRole('link', { name: 'Notes on the Analytical Engine' }).waitFor();
  await shoot?.('articles');

  await page.getByRole('link', { name: 'history' }).first().click();
  await page.getByRole('heading', { name: 'Articles about history' }).waitFor();
  expect(await page.locator('article').count()).toBe(2);
  expect(await page.title()).toMatch(/^Articles about history/);
  await page.getByRole('link', { name: 'A Relational Model of Data' }).click();
  await page.getByText('Data independence is abstraction, too.').waitFor();
  await shoot?.('article');

  const pages = [page, await browser.newPage(), await browser.newPage(), await browser.newPage()];
  for (const one of pages) {
    await one.goto(page.url());
    await one.getByLabel('New tag').fill('Relations');
  }
  await Promise.all(pages.map(one => one.getByRole('button', { name: 'Add tag' }).click()));
  for (const one of pages) {
    await one.getByRole('link', { name: 'relations' }).waitFor();
  }
  await Promise.all(pages.slice(1).map(one => one.close()));

  await page.goto(`${address}/users/new`);
  await page.getByLabel('Name').fill('Ada Byron');
  await page.getByLabel('Email').fill('ada@example.com');
  await page.getByLabel('Password').fill('a long password');
  await page.getByRole('button', { name: 'Add user' }).click();
  await page.locator('#email-note').filter({ hasText: 'is already taken' }).waitFor();
  expect(await page.getByLabel('Name').inputValue()).toBe('Ada Byron');
  expect(await page.getByLabel('Email').inputValue()).toBe('ada@example.com');
  expect(await page.locator('#fullName-note').count()).toBe(0);
  await shoot?.('duplicate');

  await page.getByLabel('Email').fill('byron@example.com');
  await page.getByRole('button', { name: 'Add user' }).click();
  await page.waitForURL('**/users');
  const names = () => page.locator('tbody td:first-child').allTextContents();
  const first = await names();
  await shoot?.('users');
  await page.getByRole('link', { name: 'Next' }).click();
  await page.waitForURL(/after=/);
  await expect.poll(names).not.toEqual(first);
  const second = await names();
  expect(first.concat(second)).toContain('Ada Byron');
  await page.getByRole('link', { name: 'Previous' }).click();
  await page.waitForURL(/before=/);
  await expect.poll(names).toEqual(first);
}
