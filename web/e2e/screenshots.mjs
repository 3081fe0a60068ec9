// The pictures of the README, taken anew:  node web/e2e/screenshots.mjs URL FOLDER
// URL: what `auricle ui --no-browser` prints, of a library of the demo sounds. Where pngquant is installed, the pictures are made small.

import { spawnSync } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const [url, out] = process.argv.slice(2);
if (!url || !out) {
  console.error('node web/e2e/screenshots.mjs URL FOLDER');
  process.exit(2);
}
await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', '--font-render-hinting=none'],
});

async function picture(name, { hash = '', width = 1600, height = 1000, theme = 'light', phone = false }, act) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, hasTouch: phone, isMobile: phone, deviceScaleFactor: 1 });
  const page = await context.newPage();
  await page.goto(`${url}${hash}`);
  await page.locator('main').waitFor();
  await act(page);
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(0, height - 1);
  await page.waitForTimeout(400);
  await page.waitForLoadState('networkidle', { timeout: 8000 }).catch(() => undefined); // spectrograms, facts; a held voice may load on
  await page.getByText('Drawing the spectrogram').waitFor({ state: 'detached' });
  await page.waitForTimeout(300);
  const file = join(out, `${name}.png`);
  await page.screenshot({ path: file });
  await context.close();
  spawnSync('pngquant', ['--force', '--skip-if-larger', '--strip', '--quality=85-100', '--speed=1', '--output', file, file]);
  console.log(`${file}: ${Math.round((await stat(file)).size / 1000)} kB`);
}
const playhead = (page) => page.getByTestId('position').innerText();
/** Play until a time shows, then pause. */
async function heard(page, least) {
  const seconds = async () => (await playhead(page)).split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  for (let i = 0; i < 400 && (await seconds()) < least; i += 1) await page.waitForTimeout(20);
  await page.getByTestId('transport').getByRole('button', { name: 'Pause' }).click();
}
const row = (page, name) => page.locator('[data-testid=list] [role=row]', { hasText: name }).first();

await picture('search', { hash: '#/?q=a+dog+barking+outside%2C+no+voices' }, async (page) => {
  await page.getByTestId('inspector').waitFor();
  await row(page, 'ZOOM0001').locator('.name').click();
  await heard(page, 18.4);
});

await picture('recording', { theme: 'dark', hash: '#/?q=a+train+at+a+level+crossing' }, async (page) => {
  await row(page, 'ZOOM0003').locator('.name').click();
  await page.getByTestId('transport').waitFor();
  await page.keyboard.press('Enter');
  await page.getByTestId('found').waitFor();
  await page.getByTestId('similar').waitFor();
  await page.keyboard.press('0');
  await heard(page, 12.5);
  await page.keyboard.press('h');
  await page.getByTestId('listen-for').fill('a train, speech, birds singing');
  await page.keyboard.press('Enter');
  await page.getByText(/^\d+ events heard$/).waitFor();
  await page.getByTestId('listen-for').blur();
});

await picture('map', { hash: '#/map' }, async (page) => {
  const map = page.getByTestId('map');
  const draw = page.getByTestId('draw-map');
  await map.or(draw).waitFor();
  if (await draw.count()) await draw.click();
  await map.waitFor({ timeout: 120_000 });
  const { x, y, width, height } = await map.boundingBox();
  await page.keyboard.down('Shift');
  await page.mouse.move(x + width * 0.27, y + height * 0.05);
  await page.mouse.down();
  for (const [across, down] of [[0.52, 0.05], [0.53, 0.3], [0.27, 0.34], [0.27, 0.05]]) await page.mouse.move(x + across * width, y + down * height, { steps: 8 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await page.getByTestId('map-selection').getByRole('button', { name: 'Show in list' }).click();
  await page.getByRole('grid', { name: 'Selected recordings' }).locator('canvas').first().waitFor();
});

await picture('phone', { theme: 'dark', width: 390, height: 844, phone: true, hash: '#/?q=rain+on+a+roof' }, async (page) => {
  await page.locator('[data-testid=list] [role=row]').nth(5).waitFor();
  await page.waitForTimeout(400);
  await page.locator('[data-testid=list] [aria-rowindex="1"] .what').tap();
  await heard(page, 21);
});
await browser.close();
