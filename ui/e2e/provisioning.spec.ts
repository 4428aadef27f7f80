// The ops engineer's part: is everything ready, what is at the provider, whose is it, and what if we sold more?

import type { Page } from '@playwright/test';
import { fileURLToPath } from 'node:url';
import { expectAccessible } from './accessible';
import { Organizer } from './people';
import { expect, test } from './stagedoor';

// Pace has tests of its own; here the provider may be asked as fast as it can.
test.use({ serve: { args: ['--pace', 'none'] } });
test.describe.configure({ mode: 'serial' });

const tickets = fileURLToPath(new URL('../../examples/pretix-attendees.csv', import.meta.url));

let page: Page;
const complaints: string[] = [];

test.beforeAll(async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.on('pageerror', (e) => complaints.push(e.message));
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy/i.test(m.text())) complaints.push(m.text());
  });
});
test.afterAll(() => page.context().close());
test.afterEach(() => expect(complaints).toEqual([]));

const room = (name: string) => page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name });

test('every show stands by its doors, with its bar, its moment and its place', async ({ stagedoor }) => {
  const organizer = new Organizer(page);
  await page.goto(stagedoor.signInLink);
  await organizer.create({ name: 'Nachtlicht', artist: 'Lena Vogt', description: 'x', doors: 60, starts: 90 });
  await page.getByTestId('ticket-file').setInputFiles(tickets);
  await expect(page.getByTestId('import-report')).toBeVisible();

  await room('Provisioning').click();
  await expect(page.getByRole('heading', { name: 'Provisioning' })).toBeFocused();
  const shows = page.getByTestId('provision-show');
  await expect(shows).toHaveCount(2);
  await expect(shows.nth(0)).toContainText('One Night'); // its doors are open
  await expect(shows.nth(1)).toContainText('Nachtlicht');
  for (const i of [0, 1]) {
    await expect(shows.nth(i).getByText('Ready', { exact: true })).toBeVisible({ timeout: 60_000 });
    await expect(shows.nth(i)).toContainText('app instance');
  }
  await expect(page.getByTestId('service')).toContainText('Running');
  await expectAccessible(page);
});

test('paused and resumed by a click, and everybody is told', async () => {
  await page.getByTestId('pause').click();
  await expect(page.getByTestId('service')).toContainText('Paused');
  await page.getByTestId('resume').click();
  await expect(page.getByTestId('service')).toContainText('Running');
});

test('what if: mistakes are told beside their field, the answer is one moment', async () => {
  await page.getByTestId('plan-ask').click();
  await expect(page.getByTestId('plan-tickets')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByTestId('plan-tickets')).toBeFocused();
  await page.getByTestId('plan-tickets').fill('42,000');
  await page.getByTestId('plan-pace').selectOption('case');
  await page.getByTestId('plan-ask').press('Enter');
  const answer = page.getByTestId('plan-answer');
  await expect(answer.getByRole('heading')).toHaveText(/^Import by \w+day \d+ \w+, \d\d:\d\d$/);
  await expect(answer).toContainText('ask for a raise'); // 10,000 memberships in a channel are Amazon's quota
  await expectAccessible(page);
});

test('everything at the provider is counted, found by its order, and told in full', async () => {
  await room('Resources').click();
  await expect(page.getByRole('heading', { name: 'Resources' })).toBeFocused();
  const figure = (state: string) => page.getByTestId(`state-${state}`).locator('.n');
  await expect(figure('to_make')).toHaveText('0', { timeout: 60_000 });
  await expect(figure('failed')).toHaveText('0');
  await expect(page.getByTestId('resource')).toHaveCount(50);
  await page.getByTestId('page-next').click();
  await expect(page.getByText('Page 2')).toBeVisible();
  await page.getByTestId('page-back').click();

  await page.getByTestId('filter-show').selectOption({ label: 'Nachtlicht' });
  await page.getByTestId('filter-kind').selectOption('channel');
  await expect(page.getByTestId('resource')).toHaveCount(1);
  await expect(figure('all')).toHaveText('1');
  await page.getByTestId('filter-kind').selectOption('user');
  await expect(page.getByTestId('resource')).toHaveCount(50);
  await expect(page).toHaveURL(/kind=user/);
  // Staff tickets have no number of the box office, and the list shows their own.
  const reference = await page.getByTestId('resource').locator('.who bdi').filter({ hasNotText: /^tk/ }).nth(3).innerText();
  await page.getByTestId('resource-search').fill(reference.toLowerCase());
  await expect(page.getByTestId('resource').first()).toContainText(reference);
  await expectAccessible(page);

  await page.getByTestId('resource').first().getByRole('link').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: `Account of ${reference}` })).toBeFocused();
  await expect(page.getByText('Box office').locator('..')).toContainText(reference);
  await expect(page.locator('dd code').first()).toContainText(/^arn:aws:chime:.*\/user\/f-tk/);
  await expect(page.getByRole('region', { name: 'History' })).toContainText('Made');
  await expectAccessible(page);
  const arn = await page.locator('dd code').first().innerText();
  await page.getByRole('link', { name: 'Membership' }).click();
  await expect(page.getByRole('heading', { name: `Membership of ${reference}` })).toBeFocused();
  await page.goBack();
  await page.getByRole('link', { name: 'Resources' }).last().click();

  await page.getByTestId('resource-search').fill(arn);
  await expect(page.getByTestId('resource')).toHaveCount(2);
  await page.getByTestId('resource-search').fill('nobody is called so');
  await expect(page.getByText('Nothing found')).toBeVisible();
  await page.getByTestId('clear-filters').click();
  await expect(page.getByTestId('resource')).toHaveCount(50);

  await page.getByRole('link', { name: 'App instances' }).click();
  await expect(page.getByTestId('place').first()).toContainText('arn:aws:chime');
  await expectAccessible(page);
});

test('the way back from one resource keeps the filters', async () => {
  await room('Resources').click();
  await page.getByTestId('filter-kind').selectOption('moderator');
  await expect(page.getByTestId('resource').first()).toContainText('Moderator role');
  await page.getByTestId('resource').first().getByRole('link').click();
  await page.getByRole('link', { name: '← Resources' }).click();
  await expect(page.getByTestId('filter-kind')).toHaveValue('moderator');
  await expect(page.getByTestId('resource').first()).toContainText('Moderator role');
});

test('a show leads to its resources, and all of it fits a phone', async ({ stagedoor, phone }) => {
  const mobile = await phone();
  await mobile.goto(await stagedoor.newSignInLink());
  await mobile.getByTestId('show-card').filter({ hasText: 'Nachtlicht' }).getByRole('link').click();
  await expect(mobile.getByTestId('provision-ready-at')).toContainText('now');
  await mobile.getByTestId('show-resources').click();
  await expect(mobile.getByTestId('resource').first()).toContainText('Nachtlicht');
  for (const hash of ['#/resources', '#/resources/places', '#/provisioning']) {
    await mobile.goto(`${stagedoor.origin}/console${hash}`);
    await expect(mobile.locator('main h1')).toBeVisible();
    await expect(mobile.getByText('One moment…')).toHaveCount(0);
    const width = await mobile.evaluate(() => document.documentElement.scrollWidth);
    expect(width, hash).toBeLessThanOrEqual(390);
    await expectAccessible(mobile);
  }
});
