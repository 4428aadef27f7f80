// The people of the story, by what they do on the pages. A test reads like what happened; selectors are here.

import { expect, type Browser, type BrowserContext, type Locator, type Page } from '@playwright/test';

/** One device: a browser context of its own, so that cookies are nobody else's. */
export async function device(browser: Browser, kind: 'phone' | 'desktop' = 'desktop'): Promise<Page> {
  const context: BrowserContext = await browser.newContext(
    kind === 'phone'
      ? { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: 'en-GB' }
      : { viewport: { width: 1280, height: 800 }, locale: 'en-GB' },
  );
  const page = await context.newPage();
  watch(page);
  return page;
}

const complaints = new WeakMap<Page, string[]>();

/** A page that throws, or that its own Content-Security-Policy refuses something, is broken even if it looks right. */
function watch(page: Page): void {
  const found: string[] = [];
  complaints.set(page, found);
  page.on('pageerror', (e) => found.push(`${page.url()}: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy|Trusted Type/i.test(m.text())) found.push(m.text());
  });
}

export function expectNoComplaints(...people: { page: Page }[]): void {
  for (const { page } of people) expect(complaints.get(page) ?? [], page.url()).toEqual([]);
}

/** Whoever enters with a ticket: fan, artist or moderator. */
export class Guest {
  constructor(readonly page: Page) {}

  /** Types the code as it comes: case, spaces and dashes must not matter. */
  async enter(address: string, code: string): Promise<void> {
    await this.page.goto(address);
    await this.page.getByTestId('code-input').fill(code);
    await this.page.getByTestId('code-submit').click();
  }

  async callMyself(nickname: string): Promise<void> {
    await this.page.getByTestId('nickname-input').fill(nickname);
    await this.page.getByTestId('nickname-submit').click();
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

  get player(): Locator {
    return this.page.getByTestId('player');
  }

  /** Waits until the chat lets this person write. The accounts of a new show are being made at ten calls a second. */
  async chatIsReady(timeout = 120_000): Promise<void> {
    await expect(this.input).toBeEditable({ timeout });
  }

  /** Sends a line and waits until it stands in the chat. */
  async say(text: string): Promise<void> {
    await this.input.fill(text);
    await this.page.getByTestId('chat-send').click();
    await expect(this.line(text)).toHaveCount(1);
  }

  react(emoji: string): Promise<void> {
    return this.page.getByTestId(`reaction-${emoji}`).click();
  }

  async seesPicture(): Promise<void> {
    const video = this.page.locator('video');
    await expect(video).toBeVisible();
    await expect.poll(() => video.evaluate((v: HTMLVideoElement) => v.currentTime), { timeout: 20_000 }).toBeGreaterThan(0.2);
  }
}

/** The moderator on the moderator's page. */
export class Moderator extends Guest {
  async remove(text: string): Promise<void> {
    await this.line(text).hover();
    await this.line(text).getByTestId('mod-remove').click();
  }

  async ban(text: string): Promise<void> {
    await this.line(text).hover();
    await this.line(text).getByTestId('mod-ban').click();
    await this.page.getByTestId('mod-confirm-ban').click();
  }
}

export interface Show {
  name: string;
  artist: string;
  description: string;
  /** Minutes from now. */
  doors: number;
  starts: number;
}

/** The organizer in the console. */
export class Organizer {
  constructor(readonly page: Page) {}

  async signIn(link: string): Promise<void> {
    await this.page.goto(link);
    await expect(this.page.getByTestId('show-card').first()).toBeVisible();
  }

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
    const link = this.page.getByTestId('landing-link');
    return new URL((await link.getAttribute('href')) ?? '', this.page.url()).href;
  }

  async staffCode(role: 'moderator' | 'artist'): Promise<string> {
    const code = this.page.getByTestId(`staff-code-${role}`).first();
    await expect(code).toBeVisible();
    return (await code.innerText()).trim();
  }

  async upload(file: string): Promise<void> {
    await this.page.getByTestId('ticket-file').setInputFiles(file);
    await expect(this.page.getByTestId('import-report')).toBeVisible({ timeout: 20_000 });
  }

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
  return new Date(Date.now() + minutes * 60_000).toLocaleString('sv-SE', { timeZone: zone }).slice(0, 16).replace(' ', 'T');
}
