// The whole story of a show, played through real pages on the defaults: from the ticket file to the last line, and to
// the moment when nothing of it is left at the chat provider. What happens while the chat is away is in resting.spec.ts.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Guest, Moderator, Organizer } from './people';
import { expect, picture, test } from './stagedoor';

const file = fileURLToPath(new URL('../../examples/pretix-attendees.csv', import.meta.url));

// The default pace is the case study's: ten calls a second over everything. Only the wait after the end is cut short.
test.use({ serve: { env: { STAGEDOOR_REOPEN_SECONDS: '1' } } });

/** The codes of paid tickets, in the order of the file. Its first lines hold no quotes. */
function codesOf(csv: string): string[] {
  const [head, ...rows] = readFileSync(csv, 'utf8').split(/\r?\n/).slice(0, 30).map((line) => line.split(','));
  const status = head!.indexOf('Status');
  const secret = head!.indexOf('Ticket secret');
  return rows.filter((r) => r[status] === 'paid').map((r) => r[secret]!);
}

/** A code as people type it: capitals, groups, and letters that look like digits. */
function sloppy(code: string): string {
  return code.toUpperCase().replaceAll('O', '0').replaceAll('L', '1').replace(/(.{4})(?=.)/g, '$1 - ');
}

test('a show, from the ticket file to the moment when nothing of it is left', async ({ stagedoor, phone, desk }) => {
  test.setTimeout(420_000);
  const [annasCode, jonasCode, , bobsCode] = codesOf(file) as [string, string, string, string];
  const organizer = new Organizer(await desk());
  let address = '';
  let moderatorsCode = '';
  let artistsCode = '';

  await test.step('the organizer comes in by the printed link and sees the demo show', async () => {
    await organizer.page.goto(stagedoor.signInLink);
    await expect(organizer.page.getByTestId('show-card')).toHaveCount(1);
  });

  await test.step('a form makes a show with a page of its own', async () => {
    await organizer.create({
      name: 'Nachtlicht',
      artist: 'Lena Vogt',
      description: 'Songs for a quiet room, live from the Ballhaus. Bring your headphones.',
      doors: -10,
      starts: 1, // before the demo show, so that it is made first
    });
    address = await organizer.landingPage();
    expect(address).toBe(`${stagedoor.origin}/e/nachtlicht`);
    moderatorsCode = await organizer.staffCode('moderator');
    artistsCode = await organizer.staffCode('artist');
  });

  await test.step('a ticket file is answered line by line', async () => {
    await organizer.page.getByTestId('ticket-file').setInputFiles(file);
    const report = organizer.page.getByTestId('import-report');
    await expect(report).toContainText('pretix');
    await expect(organizer.page.getByTestId('refused-line').first()).toContainText(/\d+/);
  });

  await test.step('the chat accounts are being made, and the console says how many and when', async () => {
    await expect.poll(() => organizer.number('provision-made'), { timeout: 60_000 }).toBeGreaterThan(10);
    await expect(organizer.page.getByTestId('provision-ready-at')).toHaveText(/\d|now/);
  });

  const anna = new Guest(await phone());
  const jonas = new Guest(await desk());
  const lena = new Guest(await desk());

  await test.step('a fan opens the page on a phone and enters with a sloppily typed code', async () => {
    await anna.page.goto(address);
    await picture(anna.page, 'landing-phone');
    await jonas.page.goto(address);
    await picture(jonas.page, 'landing-desktop');
    await anna.enter(address, 'no such code at all');
    await expect(anna.page.getByTestId('code-error')).toHaveAttribute('role', 'alert');
    await anna.enter(address, sloppy(annasCode));
    await anna.callMyself('Anna K');
    await anna.seesPicture();
    await anna.chatIsReady();
  });

  const guesses = Array.from({ length: 60 }, (_, i) => `Guess ${i + 1}: she opens with song number ${i + 1}`);

  await test.step('she writes sixty lines; a fan who joins sees them, fifty a page', async () => {
    for (const text of guesses) await anna.say(text);
    const pages: URL[] = [];
    jonas.page.on('request', (r) => void (r.url().includes('sort-order=') && pages.push(new URL(r.url()))));
    await jonas.enter(address, jonasCode);
    await jonas.page.getByTestId('nickname-input').fill('аnnа k'); // two Cyrillic letters
    await jonas.page.getByTestId('nickname-submit').click();
    await expect(jonas.page.getByTestId('nickname-error')).toHaveAttribute('role', 'alert');
    await jonas.callMyself('Jonas');
    await jonas.chatIsReady();
    await expect(jonas.lastLine).toContainText('Guess 60:');
    expect(await jonas.readAll()).toEqual(guesses);
    expect(pages.map((u) => [u.searchParams.get('max-results'), u.searchParams.has('next-token')])).toEqual([['50', false], ['50', true]]);
  });

  await test.step('a line is seen at once, by whoever is there; an address in it stays text', async () => {
    await lena.enter(address, artistsCode);
    await lena.callMyself('Lena Vogt'); // kept free for the artist
    await Promise.all([jonas.chatIsReady(), lena.chatIsReady()]);
    for (const [who, text] of [
      [jonas, 'Hello from Graz! Headphones on.'],
      [anna, 'Bed, tea, phone. Best seat in the house 🍵'],
      [jonas, 'Is that the old piano from the tour film?'],
      [lena, 'It is. Two keys stick, you will hear which ones.'],
      [anna, 'The setlist is on https://example.org/nachtlicht <b>spoilers</b>'],
      [jonas, 'I do not click, I want to be surprised'],
      [lena, 'Good. Lights down in a minute ❤️'],
    ] as const) {
      await who.say(text);
      for (const other of [anna, jonas, lena]) await expect(other.lastLine).toContainText(text, { timeout: 2_000 });
    }
    await expect(anna.line('It is. Two keys').locator('.badge')).toHaveText('Artist');
    await expect(jonas.line('https://example.org/nachtlicht <b>spoilers</b>')).toHaveCount(1);
    await expect(jonas.lines.locator('a, b')).toHaveCount(0);
  });

  await test.step('a reload loses nothing and doubles nothing', async () => {
    const before = await jonas.readAll();
    expect(before).toHaveLength(67);
    await jonas.page.reload();
    await expect(jonas.lastLine).toContainText('Lights down');
    expect(await jonas.readAll()).toEqual(before);
  });

  await test.step('the clock has started the show, and everybody was told', async () => {
    // The form knows whole minutes: depending on when this run began, the start is up to two minutes after the form was sent.
    for (const guest of [anna, jonas, lena]) await expect(guest.page.getByText('Live', { exact: true })).toBeVisible({ timeout: 125_000 });
  });

  await test.step('reactions fly on both devices', async () => {
    await jonas.react('❤️');
    await anna.react('👏');
    for (const guest of [anna, jonas]) {
      await expect(guest.flying('❤️')).toBeAttached({ timeout: 3_000 });
      await expect(guest.flying('👏')).toBeAttached({ timeout: 3_000 });
    }
    await picture(anna.page, 'chat-phone');
    await picture(jonas.page, 'chat-desktop');
  });

  await test.step('another device with the same ticket takes the seat, and the first is told why', async () => {
    const tablet = new Guest(await phone());
    await tablet.enter(address, annasCode);
    await expect(anna.page.getByTestId('seat-lost')).toContainText('another device', { timeout: 3_000 });
    await expect(anna.page.getByTestId('player')).toHaveCount(0);
    await tablet.seesPicture();
    await expect(tablet.lastLine).toContainText('Lights down');
    await anna.page.reload();
    await expect(anna.page.getByTestId('seat-lost')).toBeVisible(); // does not come back by itself
    await anna.page.getByTestId('seat-take-back').click();
    await expect(tablet.page.getByTestId('seat-lost')).toBeVisible({ timeout: 3_000 });
    await anna.chatIsReady();
    expect(tablet.complaints).toEqual([]);
  });

  const moderator = new Moderator(await desk());
  const bob = new Guest(await phone());

  await test.step('a moderator removes a line, and it is gone on every device', async () => {
    await moderator.enter(address, moderatorsCode); // by everybody's door, which shows the way to the desk
    await moderator.callMyself('Team Ballhaus');
    await moderator.page.getByTestId('to-desk').click();
    await bob.enter(address, sloppy(bobsCode));
    await bob.callMyself('Bargain Bob');
    await Promise.all([moderator.chatIsReady(), bob.chatIsReady()]);
    await bob.say('CHEAP WATCHES at watches.example');
    await bob.say('Buy buy buy');
    await moderator.line('CHEAP WATCHES').hover(); // the lines stand still, the tools appear
    await picture(moderator.page, 'moderator-desktop');
    await moderator.remove('CHEAP WATCHES');
    for (const guest of [anna, jonas, lena, bob]) {
      await expect(guest.line('CHEAP WATCHES')).toHaveCount(0, { timeout: 3_000 });
      await expect(guest.lines.filter({ hasText: /removed by a moderator/i })).toHaveCount(1);
    }
    await expect(moderator.page.getByTestId('mod-act').first()).toContainText('CHEAP WATCHES'); // moderators keep the original
  });

  await test.step('the moderator bans the fan: nothing of him is shown, and he is told', async () => {
    await moderator.ban('Buy buy buy');
    for (const guest of [anna, jonas, lena]) await expect(guest.line('Buy buy buy')).toHaveCount(0, { timeout: 5_000 });
    await expect(bob.page.getByTestId('banned-notice')).toContainText('Spam or advertising', { timeout: 5_000 });
    await expect(bob.input).toHaveCount(0);
    await bob.page.reload();
    await expect(bob.page.getByTestId('banned-notice')).toBeVisible();
    await bob.seesPicture(); // the show goes on for him
    const api = `${stagedoor.origin}/api/v1/events/nachtlicht`;
    const headers = { origin: stagedoor.origin };
    const rename = await bob.page.request.put(`${api}/nickname`, { data: { nickname: 'Honest Joe' }, headers });
    expect(rename.status()).toBe(403);
    const pass = await bob.page.request.post(`${api}/chat/pass`, { headers });
    expect(await pass.json()).toMatchObject({ state: 'banned', pass: null });
    await moderator.page.setViewportSize({ width: 390, height: 844 });
    await moderator.page.getByRole('log').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await picture(moderator.page, 'moderator-phone');
  });

  await test.step('who joins now sees nothing of him either', async () => {
    await jonas.page.reload();
    await expect(jonas.lastLine).not.toContainText('Buy');
    await expect(jonas.line('Lights down')).toBeVisible();
    expect((await jonas.readAll()).filter((text) => /buy|watches/i.test(text))).toEqual([]);
  });

  await test.step('the show ends: the history is exported, and only then deleted at the provider', async () => {
    await jonas.say('Thank you, Lena! What a night.');
    await organizer.endShow();
    for (const guest of [anna, jonas, lena]) await expect(guest.page.getByTestId('ended')).toBeVisible({ timeout: 5_000 });
    await expect(organizer.page.getByTestId('archive-done')).toBeVisible({ timeout: 60_000 });
    await expect(organizer.page.getByTestId('purged')).toBeVisible({ timeout: 120_000 });
    const download = organizer.page.waitForEvent('download');
    await organizer.page.getByTestId('archive-download').click();
    const history = readFileSync(await (await download).path(), 'utf8').trimEnd().split('\n');
    for (const text of [...guesses, 'Two keys stick', 'What a night.']) {
      expect(history.filter((line) => line.includes(text)), text).toHaveLength(1);
    }
  });

  for (const guest of [anna, jonas, lena, moderator, bob]) expect(guest.complaints).toEqual([]);
});
