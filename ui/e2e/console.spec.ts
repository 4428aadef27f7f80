// The organizer's part of the story: in by the link, a show from a form, tickets in, everything ready, the end.

import type { Page } from '@playwright/test';
import { fileURLToPath } from 'node:url';
import { expectAccessible } from './accessible';
import { expect, picture, test } from './stagedoor';

// The history is exported at once, and the provider may be asked as fast as it can: pace has tests of its own.
test.use({ serve: { args: ['--pace', 'none'], env: { STAGEDOOR_REOPEN_SECONDS: '1' } } });

const tickets = fileURLToPath(new URL('../../examples/pretix-attendees.csv', import.meta.url));

test.describe.configure({ mode: 'serial' });

let page: Page;
/** What the page must never do: throw, or try what its Content-Security-Policy forbids. */
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

test('a sign-in link works once, and its token leaves the address at once', async ({ stagedoor, desk }) => {
  await page.goto(stagedoor.signInLink);
  await expect(page.getByTestId('show-card')).toHaveCount(1);
  expect(page.url()).toBe(`${stagedoor.origin}/console#/`);

  const stranger = await desk();
  await stranger.goto(stagedoor.signInLink);
  await expect(stranger.getByTestId('signin-error')).toBeVisible();
  await stranger.goto(`${stagedoor.origin}/console`);
  await expect(stranger.getByText('stagedoor organizer link')).toBeVisible();
  await expect(stranger.getByTestId('show-card')).toHaveCount(0);
});

test('a form makes a show; mistakes are told beside their field and cost nothing typed', async () => {
  await page.getByTestId('new-show').click();
  await expect(page.getByRole('heading', { name: 'New show' })).toBeFocused();
  await page.getByTestId('field-name').fill('Lieder über Köln');
  await page.getByTestId('field-artist').fill('Mira Sol');
  await page.getByTestId('field-zone').fill('Europe/Berlin');
  await page.getByTestId('use-test-stream').click();
  await expect(page.getByTestId('address-preview')).toContainText('/e/lieder-ueber-koeln');
  await page.getByTestId('field-slug').fill('demo'); // taken by the demo show
  await page.getByTestId('save-show').click();
  await expect(page.getByTestId('field-slug')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.getByTestId('field-slug')).toBeFocused();
  await expect(page.getByTestId('field-name')).toHaveValue('Lieder über Köln');
  await expectAccessible(page);
  await page.getByTestId('field-slug').fill('');
  await page.getByTestId('save-show').click();

  await expect(page.getByRole('heading', { name: 'Lieder über Köln' })).toBeFocused();
  await expect(page.getByTestId('landing-link')).toHaveText(/\/e\/lieder-ueber-koeln$/);
  await expect(page.getByTestId('staff-code-moderator')).toHaveText(/\S{6,}/);
  await expect(page.getByTestId('staff-code-artist')).toHaveText(/\S{6,}/);
});

test('a ticket file is answered line by line, and a second time everything is known', async () => {
  await page.getByTestId('ticket-file').setInputFiles(tickets);
  const report = page.getByTestId('import-report');
  await expect(report).toContainText('pretix');
  await expect(page.getByTestId('refused-line').first()).toBeVisible();
  const figure = (word: string) => report.locator('dl > div', { hasText: word }).locator('dd');
  await expect(figure('new')).not.toHaveText('0');
  // The example repeats some tickets within itself, and some are refunded: no news the second time either.
  let all = 0;
  for (const word of ['new', 'already known', 'revoked']) all += Number(await figure(word).textContent());
  await page.getByTestId('ticket-file').setInputFiles(tickets);
  await expect(figure('new')).toHaveText('0');
  await expect(figure('already known')).toHaveText(String(all));
});

test('the chat is made before doors, and the figures say so', async () => {
  await expect(page.getByTestId('provision-to-make')).toHaveText('0', { timeout: 60_000 });
  await expect(page.getByTestId('provision-ready-at')).toContainText('now');
  await expect(page.getByTestId('provision-made')).not.toHaveText('0');
  await expectAccessible(page);
  await picture(page, 'console-desktop', true);
});

test('the list shows what is ready, on a phone too', async ({ stagedoor, phone }) => {
  const mobile = await phone();
  await mobile.goto(await stagedoor.newSignInLink());
  await expect(mobile.getByTestId('show-card')).toHaveCount(2);
  await expect(mobile.getByTestId('show-card').filter({ hasText: 'Lieder' })).toContainText('Ready');
  const wider = await mobile.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(wider).toBeLessThanOrEqual(0);
  await expectAccessible(mobile);
  await picture(mobile, 'console-phone');
});

test('a cancelled show says so on its page, loses its chat, and comes back with a new one', async ({ phone }) => {
  const fan = await phone();
  await fan.goto((await page.getByTestId('landing-link').getAttribute('href').then((path) => new URL(path ?? '', page.url()).href)) ?? '');
  await expect(fan.getByTestId('code-input')).toBeVisible();
  await page.getByTestId('cancel-show').click();
  await expect(page.getByRole('dialog')).toContainText('Nobody is let in');
  await expectAccessible(page);
  await page.getByTestId('confirm-cancel').click();
  await expect(page.getByTestId('cancelled')).toBeVisible();
  await fan.reload();
  await expect(fan.getByTestId('cancelled')).toContainText('This show is cancelled.');
  await expect(fan.getByTestId('code-input')).toHaveCount(0);
  await expectAccessible(fan);
  await expect(page.getByTestId('purged')).toBeVisible({ timeout: 60_000 });
  await expectAccessible(page);
  await page.getByTestId('uncancel-show').click();
  await expect(page.getByTestId('provision-ready-at')).toContainText('now', { timeout: 60_000 });
  await fan.reload();
  await expect(fan.getByTestId('code-input')).toBeVisible();
});

test('after the end the history is exported, then everything at the provider is deleted', async () => {
  await page.getByTestId('start-now').click();
  await page.getByTestId('end-show').click();
  await expect(page.getByRole('dialog')).toContainText('exported');
  await page.getByTestId('confirm-end').click();
  await expect(page.getByTestId('archive-done')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByTestId('purged')).toBeVisible({ timeout: 60_000 });
  const download = page.waitForEvent('download');
  await page.getByTestId('archive-download').click();
  expect((await download).suggestedFilename()).toMatch(/\.jsonl$/);
  await expectAccessible(page);
  await picture(page, 'console-after', true);
});

test('a server that is away is said so, and found again by itself', async ({ stagedoor }) => {
  await stagedoor.stop();
  await expect(page.getByText('Connection lost')).toBeVisible();
  await stagedoor.start();
  await expect(page.getByText('Connection lost')).toBeHidden();
});
