// Phones: what a thumb and a screen reader meet on the fan's and the moderator's page, and a browser without HLS.

import type { Page } from '@playwright/test';
import { expectAccessible } from './accessible';
import { Guest } from './people';
import { expect, test } from './stagedoor';

test.use({ serve: { args: ['--pace', 'none'] } });

test('every page between the landing page and the moderator\'s sheet is accessible', async ({ stagedoor, phone }) => {
  const anna = new Guest(await phone());
  await anna.page.goto(stagedoor.landingPage);
  await expectAccessible(anna.page);
  await anna.enter(stagedoor.landingPage, stagedoor.codes.fan);
  await expect(anna.page.getByTestId('nickname-input')).toBeVisible();
  await expectAccessible(anna.page);
  await anna.callMyself('Anna');
  await anna.chatIsReady();
  await expectAccessible(anna.page);
  await anna.say('Hello from the last row');
  await expectAccessible(anna.page);

  const crew = new Guest(await phone());
  await crew.enter(`${stagedoor.landingPage}/moderate`, stagedoor.codes.moderator);
  await crew.callMyself('Chris');
  await expect(crew.line('Hello from the last row')).toBeVisible();
  await expectAccessible(crew.page);
  // The newest line is where the sheet's buttons appear: lifting the finger must not press one of them.
  await longPress(crew.page, 'Hello from the last row');
  await expect(crew.page.getByTestId('mod-sheet-ban')).toBeVisible();
  await expectAccessible(crew.page);
  await crew.page.getByTestId('mod-sheet-remove').tap();
  await expect(anna.line('Hello from the last row')).toHaveCount(0);

  const other = new Guest(await phone());
  await other.enter(stagedoor.landingPage, stagedoor.codes.fan);
  await expect(anna.page.getByTestId('seat-lost')).toBeVisible();
  await expectAccessible(anna.page);
  expect([...anna.complaints, ...crew.complaints, ...other.complaints]).toEqual([]);
});

test('whoever reads the newest lines still does after turning the phone', async ({ stagedoor, phone }) => {
  const bo = new Guest(await phone());
  await bo.enter(stagedoor.landingPage, stagedoor.codes.anotherFan);
  await bo.callMyself('Bo');
  await bo.chatIsReady();
  for (let i = 1; i <= 20; i++) await bo.say(`verse ${i} of a song that needs more than one line on a phone`);
  await bo.page.setViewportSize({ width: 844, height: 390 });
  await expect(bo.line('verse 20')).toBeInViewport();
  await bo.page.setViewportSize({ width: 390, height: 844 });
  await expect(bo.line('verse 20')).toBeInViewport();
  await expect(bo.page.getByTestId('chat-new')).toHaveCount(0);
});

test('a browser that cannot play HLS by itself sees the picture, within the page\'s policy', async ({ stagedoor, phone }) => {
  const page = await phone();
  await page.addInitScript(() => (HTMLMediaElement.prototype.canPlayType = () => ''));
  const artist = new Guest(page);
  await artist.enter(stagedoor.landingPage, stagedoor.codes.artist);
  await artist.callMyself('Mara');
  await artist.seesPicture();
  expect(await page.getByTestId('player').evaluate((video) => (video as HTMLVideoElement).currentSrc)).toMatch(/^blob:/);
  expect(artist.complaints).toEqual([]);
});

async function longPress(page: Page, text: string): Promise<void> {
  const box = (await page.getByTestId('chat-line').filter({ hasText: text }).boundingBox())!;
  const input = await page.context().newCDPSession(page);
  await input.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: box.x + 60, y: box.y + box.height / 2 }] });
  await expect(page.getByRole('dialog')).toBeVisible();
  await input.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}
