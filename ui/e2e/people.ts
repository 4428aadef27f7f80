// The people of the stories, by what they do on the pages. A story reads like what happened; selectors are here.

import { expect, type Locator, type Page } from '@playwright/test';

/** Whoever enters with a ticket: fan or artist. */
export class Guest {
  /** What a page must never do: throw, or try what its Content-Security-Policy forbids. */
  readonly complaints: string[] = [];

  constructor(readonly page: Page) {
    page.on('pageerror', (e) => this.complaints.push(e.message));
    page.on('console', (m) => {
      if (m.type() === 'error' && /Content Security Policy|TrustedHTML/i.test(m.text())) this.complaints.push(m.text());
    });
  }

  async enter(address: string, code: string): Promise<void> {
    await this.page.goto(address);
    await this.page.getByTestId('code-input').fill(code);
    await this.page.getByTestId('code-submit').click();
  }

  async callMyself(nickname: string): Promise<void> {
    await this.page.getByTestId('nickname-input').fill(nickname);
    await this.page.getByTestId('nickname-submit').click();
    await expect(this.page.getByTestId('nickname-input')).toBeHidden();
  }

  get input(): Locator {
    return this.page.getByTestId('chat-input');
  }

  get lines(): Locator {
    return this.page.getByTestId('chat-line');
  }

  line(text: string): Locator {
    return this.lines.filter({ hasText: text });
  }

  get lastLine(): Locator {
    return this.lines.last();
  }

  /** The chat's state as the page tells it; not there while all is well. */
  get chatState(): Locator {
    return this.page.getByTestId('chat-state');
  }

  /** Waits until lines can be read and written. A new show is being made at ten calls a second. */
  async chatIsReady(timeout = 120_000): Promise<void> {
    await expect(this.input).toHaveAttribute('placeholder', 'Say something', { timeout });
  }

  /** Sends a line and waits until the chat has taken it. */
  async say(text: string): Promise<void> {
    await this.input.fill(text);
    await this.input.press('Enter');
    await expect(this.lastLine).toContainText(text);
    await expect(this.page.getByTestId('chat-pending')).toHaveCount(0);
  }

  /** Scrolls up until the chat's first line and returns every text, oldest first. */
  async readAll(): Promise<string[]> {
    const list = this.page.getByRole('log');
    const beginning = this.page.getByText('The chat began here.');
    await expect(async () => {
      await list.evaluate((e) => e.scrollTo(0, 0));
      await expect(beginning).toBeVisible({ timeout: 200 });
    }).toPass({ timeout: 20_000 });
    const texts = await this.lines.locator('.said').allInnerTexts();
    await this.page.getByTestId('chat-new').click();
    return texts;
  }

  react(emoji: string): Promise<void> {
    return this.page.getByTestId(`reaction-${emoji}`).click();
  }

  /** An emoji that rises over the stage, or has risen. */
  flying(emoji: string): Locator {
    return this.page.locator('.particle', { hasText: emoji }).first();
  }

  /** The picture moves. */
  async seesPicture(): Promise<void> {
    const player = this.page.getByTestId('player');
    const at = () => player.evaluate((v) => (v as HTMLVideoElement).currentTime);
    await expect.poll(at, { timeout: 30_000 }).toBeGreaterThan(0);
    const before = await at();
    await expect.poll(at).toBeGreaterThan(before);
  }
}

/** Whoever has a moderator's code, on the moderator's page. */
export class Moderator extends Guest {
  async remove(text: string): Promise<void> {
    await this.line(text).hover();
    await this.line(text).getByTestId('mod-remove').click();
    await this.page.mouse.move(0, 0);
  }

  async ban(text: string): Promise<void> {
    await this.line(text).hover();
    await this.line(text).getByTestId('mod-ban').click();
    await this.page.getByTestId('mod-confirm-ban').click();
    await this.page.mouse.move(0, 0);
  }
}

export interface Show {
  name: string;
  artist: string;
  description: string;
  /** Minutes from now; negative: ago. */
  doors: number;
  starts: number;
}

/** Whoever has the sign-in link, in the console. */
export class Organizer {
  constructor(readonly page: Page) {}

  async create(show: Show): Promise<void> {
    const field = (name: string) => this.page.getByTestId(`field-${name}`);
    await this.page.getByTestId('new-show').click();
    await field('name').fill(show.name);
    await field('artist').fill(show.artist);
    await field('description').fill(show.description);
    await field('zone').fill('Europe/Berlin');
    await field('starts').fill(local(show.starts, 'Europe/Berlin'));
    await field('doors').fill(local(show.doors, 'Europe/Berlin'));
    await this.page.getByTestId('use-test-stream').click();
    await field('chat').setChecked(true);
    await this.page.getByTestId('save-show').click();
    await expect(this.page.getByTestId('landing-link')).toBeVisible();
  }

  async landingPage(): Promise<string> {
    const path = await this.page.getByTestId('landing-link').getAttribute('href');
    return new URL(path ?? '', this.page.url()).href;
  }

  async staffCode(role: 'moderator' | 'artist'): Promise<string> {
    return (await this.page.getByTestId(`staff-code-${role}`).first().innerText()).trim();
  }

  /** A figure of the page, whatever is between its digits. */
  async number(testId: string): Promise<number> {
    return Number((await this.page.getByTestId(testId).innerText()).replace(/\D/g, ''));
  }

  async endShow(): Promise<void> {
    await this.page.getByTestId('end-show').click();
    await this.page.getByTestId('confirm-end').click();
  }
}

/** Minutes from now as the value of <input type="datetime-local"> in a time zone. */
function local(minutes: number, zone: string): string {
  const there = new Date(Date.now() + minutes * 60_000).toLocaleString('sv-SE', { timeZone: zone });
  return there.slice(0, 16).replace(' ', 'T');
}
