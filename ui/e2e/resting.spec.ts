// The engine is a process of its own here, and dies in the middle of the show. Page, gate, player and reactions must not
// notice; the chat rests, and comes back by itself with every line.

import { Guest } from './people';
import { expect, test } from './stagedoor';

test.use({ separateEngine: true, serve: { args: ['--pace', 'none'] } });

test('the show goes on without the chat, and the chat comes back by itself', async ({ stagedoor, engine, phone, desk }) => {
  const anna = new Guest(await phone());
  const jonas = new Guest(await desk());
  const { fan, anotherFan, artist } = stagedoor.codes;

  await test.step('two fans talk', async () => {
    await anna.enter(stagedoor.landingPage, fan);
    await anna.callMyself('Anna K');
    await jonas.enter(stagedoor.landingPage, anotherFan);
    await jonas.callMyself('Jonas');
    await Promise.all([anna.chatIsReady(), jonas.chatIsReady()]);
    await anna.say('Can you hear me?');
    await expect(jonas.lastLine).toContainText('Can you hear me?');
  });

  await test.step('the engine dies: the chat rests, what was typed and said stays', async () => {
    await jonas.input.fill('Loud and cl');
    await engine!.stop('SIGKILL');
    for (const guest of [anna, jonas]) await expect(guest.chatState).toHaveAttribute('data-state', /resting|reconnecting/, { timeout: 30_000 });
    await expect(jonas.line('Can you hear me?')).toBeVisible();
    await expect(jonas.input).toHaveValue('Loud and cl');
  });

  await test.step('picture and reactions go on', async () => {
    await Promise.all([anna.seesPicture(), jonas.seesPicture()]);
    await anna.react('🔥');
    await expect(jonas.flying('🔥')).toBeAttached({ timeout: 3_000 });
  });

  await test.step('the gate lets people in, and they have the show', async () => {
    const lena = new Guest(await desk());
    await lena.enter(stagedoor.landingPage, artist);
    await lena.callMyself('Mara Lindqvist');
    await lena.seesPicture();
    await expect(lena.chatState).toBeVisible();
    await lena.react('🎉');
    await expect(anna.flying('🎉')).toBeAttached({ timeout: 3_000 });
    await anna.page.reload();
    await anna.seesPicture();
    await expect(anna.chatState).toHaveAttribute('data-state', 'resting', { timeout: 30_000 });
    expect(lena.complaints).toEqual([]);
  });

  await test.step('the engine is back: so is the chat, with every line once', async () => {
    await engine!.start();
    await expect(anna.line('Can you hear me?')).toBeVisible({ timeout: 60_000 });
    await Promise.all([anna.chatIsReady(60_000), jonas.chatIsReady(60_000)]);
    await expect(jonas.chatState).toHaveCount(0, { timeout: 30_000 });
    await jonas.input.press('End');
    await jonas.input.pressSequentially('ear');
    await jonas.input.press('Enter');
    await expect(anna.lastLine).toContainText('Loud and clear');
    for (const guest of [anna, jonas]) await expect(guest.line('Can you hear me?')).toHaveCount(1);
    for (const guest of [anna, jonas]) expect(guest.complaints).toEqual([]);
  });
});
