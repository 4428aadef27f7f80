// The pictures of docs/operating.md: a real run of 3,000 tickets at the case study's ten calls a second, which takes about
// eight minutes. Made only by `make screenshots`, or alone by `make images`.

import type { Page } from '@playwright/test';
import { Organizer } from './people';
import { expect, picture, picturing, test } from './stagedoor';

test.use({ serve: { args: ['--pace', 'case', '--engine-limits', 'case'] } });
test.skip(!picturing, 'only make screenshots and make images wait that long');

interface Sold {
  name: string;
  artist: string;
  /** Minutes until doors. */
  doors: number;
  tickets: number;
  prefix: string;
}

// Doors of the first are soon enough for an alarm: it will be ready with a few minutes to spare.
const shows: Sold[] = [
  { name: 'Nachtlicht', artist: 'Lena Vogt', doors: 14, tickets: 3_000, prefix: 'NL' },
  { name: 'Winter Songs', artist: 'Mira Sol', doors: 27 * 60, tickets: 400, prefix: 'WS' },
  { name: 'Lieder über Köln', artist: 'Kölner Chor', doors: 50 * 60, tickets: 150, prefix: 'LK' },
];

/** A box office's file with codes that nobody can guess from another. */
function file(s: Sold): string {
  const codes = Array.from({ length: s.tickets }, (_, i) => `${s.prefix}${code()},${s.prefix}-${String(i + 1).padStart(5, '0')}`);
  return ['code,reference', ...codes].join('\n');
}

function code(): string {
  const letters = 'ABCDEFGHJKMNPQRSTVWXYZ23456789';
  return Array.from(crypto.getRandomValues(new Uint8Array(14)), (b) => letters[b % letters.length]).join('');
}

const images = (page: Page, name: string, fullPage = true) => picture(page, name, fullPage, 'images');

test('three thousand tickets, pictured on their way', async ({ stagedoor, desk, phone }) => {
  test.setTimeout(20 * 60_000);
  const page = await desk();
  await page.goto(stagedoor.signInLink);
  const organizer = new Organizer(page);
  for (const s of shows) {
    await organizer.create({ name: s.name, artist: s.artist, description: '', doors: s.doors, starts: s.doors + 30 });
    await page.getByTestId('ticket-file').setInputFiles({ name: `${s.prefix}.csv`, mimeType: 'text/csv', buffer: Buffer.from(file(s)) });
    await expect(page.getByTestId('import-report')).toBeVisible();
    await page.goto(`${stagedoor.origin}/console#/`);
  }
  const mobile = await phone();
  await mobile.goto(await stagedoor.newSignInLink());
  await expect(mobile.getByTestId('show-card').first()).toBeVisible();

  await page.goto(`${stagedoor.origin}/console#/provisioning`);
  const first = page.getByTestId('provision-show').filter({ hasText: 'Nachtlicht' });
  const made = async () => Number((await first.locator('progress').getAttribute('value')) ?? 0);
  await expect.poll(made, { timeout: 6 * 60_000, intervals: [1_000] }).toBeGreaterThan(1_500);
  await expect(page.getByTestId('alarm')).toHaveCount(1, { timeout: 60_000 });
  await images(page, 'provisioning-desktop');
  await mobile.goto(`${stagedoor.origin}/console#/provisioning`);
  await expect(mobile.getByTestId('provision-show')).toHaveCount(4);
  await images(mobile, 'provisioning-phone', false);

  await page.getByTestId('plan-tickets').fill('42,000');
  await page.getByTestId('plan-ask').click();
  await expect(page.getByTestId('plan-answer')).toBeVisible();
  await page.getByTestId('plan-answer').locator('..').screenshot({ path: '../docs/images/what-if.png', animations: 'disabled' });

  await page.goto(`${stagedoor.origin}/console#/resources`);
  await expect(page.getByTestId('resource')).toHaveCount(50);
  await images(page, 'resources-desktop', false);
  await page.getByTestId('resource-search').fill('nl-0004');
  await expect(page.getByTestId('resource').first()).toContainText('NL-0004');
  await images(page, 'resources-search', false);
  await mobile.goto(`${stagedoor.origin}/console#/resources`);
  await expect(mobile.getByTestId('resource').first()).toBeVisible();
  await images(mobile, 'resources-phone', false);

  await page.goto(`${stagedoor.origin}/console#/provisioning`);
  await expect(page.getByTestId('provision-show').locator('.chat').getByText('Ready', { exact: true })).toHaveCount(4, { timeout: 10 * 60_000 });
  await page.goto(`${stagedoor.origin}/console#/resources/places`);
  await page.getByTestId('sweep-now').click();
  await expect(page.getByTestId('sweep-now')).toBeDisabled();
  await expect(page.getByTestId('sweep-now')).toBeEnabled({ timeout: 4 * 60_000 });
  await expect(page.getByTestId('place').filter({ hasText: 'Nachtlicht' })).toContainText('agreed on 6,00', { timeout: 4 * 60_000 });
  await images(page, 'app-instances');
  await page.goto(`${stagedoor.origin}/console#/resources?q=nl-00042`);
  await page.getByTestId('resource').filter({ hasText: 'Account' }).getByRole('link').click();
  await expect(page.getByRole('region', { name: 'History' })).toContainText('Made');
  await images(page, 'resource');
});
