import { defineConfig } from '@playwright/test';

// Browser tests of the built program: `make e2e`. Debian's Chromium is used (scripts/setup.sh installs it); another one
// is named by STAGEDOOR_CHROMIUM.
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  // A show is made through its provider at ten requests a second, and two cores are shared with everything else.
  timeout: 180_000,
  expect: { timeout: 15_000 },
  // Each file starts a server of its own; more than one at a time would only make both slower on two cores.
  workers: 1,
  fullyParallel: false,
  forbidOnly: !!process.env['CI'],
  retries: 0, // a test that passes the second time is a bug that was not looked at
  reporter: process.env['CI'] ? [['list']] : [['list'], ['html', { open: 'never' }]],
  use: {
    browserName: 'chromium',
    headless: true,
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env['STAGEDOOR_CHROMIUM'] ?? '/usr/bin/chromium',
      // No sandbox: containers of continuous integration run as root. No background networking: nothing but us is asked.
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--autoplay-policy=no-user-gesture-required'],
    },
  },
});
