// Both themes, three widths: nothing is clipped, nothing scrolls sideways, axe finds nothing.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { api, ask, idOf, opened, painted, row, rows, until } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const PAGES = {
  'what was found': '#/?q=a+dog+barking%2C+no+voices',
  'all recordings': '#/',
  'nothing found': '#/?q=a+kitten&min=600',
  'a recording': async () => `#/recording/${await idOf('ZOOM0002.opus')}?q=rain`,
  'the library': '#/library',
  'the map': '#/map',
};

async function settled(page, name) {
  if (name === 'what was found' || name === 'all recordings') {
    await until(async () => (await rows(page)).length > 4, 'rows');
    await until(async () => (await painted(row(page, 1).locator('canvas'))) > 0.02, 'waveforms');
  } else if (name === 'a recording') await page.getByTestId('similar').waitFor();
  else if (name === 'the library') await page.getByTestId('roots').waitFor();
  else if (name === 'the map') await page.getByTestId('map').or(page.getByTestId('draw-map')).waitFor();
  else await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
}

/** Elements that stick out of the screen at a side where one cannot scroll to them, and texts cut off without a way to read them. */
const clipped = (page) =>
  page.evaluate(() => {
    const bad = [];
    const { clientWidth, scrollWidth, scrollHeight, clientHeight } = document.documentElement;
    if (scrollWidth > clientWidth) bad.push(`the page is ${scrollWidth} px wide in ${clientWidth}`);
    if (scrollHeight > clientHeight) bad.push(`the page is ${scrollHeight} px high in ${clientHeight}`);
    const scrolls = (element) => {
      for (let at = element; at; at = at.parentElement) if (/(auto|scroll)/.test(getComputedStyle(at).overflowX) && at.scrollWidth > at.clientWidth) return true;
      return false;
    };
    for (const element of document.querySelectorAll('header, main, .transport, h1, h2, h3, button, input, a, [role=row], canvas, img, dd, p')) {
      if (!element.checkVisibility({ visibilityProperty: true }) || element.closest('.unseen, .skip, [data-testid=map], .picture')) continue;
      const { left, right, width } = element.getBoundingClientRect();
      if (width > 1 && (left < -1 || right > clientWidth + 1) && !scrolls(element)) bad.push(`${element.tagName}.${element.className} ${Math.round(left)}…${Math.round(right)} of ${clientWidth}: ${element.textContent.trim().slice(0, 40)}`);
    }
    for (const main of document.querySelectorAll('main .scroll:not([data-testid=list])'))
      if (main.scrollWidth > main.clientWidth + 1) bad.push(`${main.className} scrolls sideways: ${main.scrollWidth} in ${main.clientWidth}`);
    return [...new Set(bad)];
  });

for (const theme of ['light', 'dark'])
  for (const [width, height] of [[390, 844], [1024, 768], [1600, 1000]])
    test(`${theme}, ${width} px: nothing is clipped${width === 1024 ? '' : ', axe finds nothing'}`, async (t) => {
      const page = await opened(t, { theme, width, height, bypassCSP: true, expected: [/\/api\/v1\/map/] });
      if (width !== 1024) await page.addScriptTag({ path: axe });
      const wrong = [];
      for (const [name, where] of Object.entries(PAGES)) {
        const hash = typeof where === 'string' ? where : await where();
        await page.evaluate((to) => (location.hash = to), hash);
        await settled(page, name);
        for (const one of await clipped(page)) wrong.push(`${name}: ${one}`);
        if (width === 1024) continue;
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
        for (const one of violations) wrong.push(`${name}: axe ${one.id}, ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.failureSummary?.split('\n')[1]?.trim()})`).join('; ')}`);
      }
      assert.deepEqual(wrong, []);
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), theme === 'dark' ? 'rgb(19, 19, 18)' : 'rgb(251, 250, 247)');
    });

test('sheets: axe finds nothing in them', async (t) => {
  const page = await opened(t, { bypassCSP: true });
  await page.addScriptTag({ path: axe });
  await ask(page, 'rain');
  await page.getByTestId('list').focus();
  for (const [key, title] of [['?', 'Keys'], ['e', 'Export'], ['t', 'Tag']]) {
    await page.keyboard.press(key);
    await page.getByRole('dialog', { name: title }).waitFor();
    await until(() => page.evaluate(() => document.getAnimations().every((one) => one.playState === 'finished')), 'it has come to rest');
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(violations.map((one) => `${title}: ${one.id}, ${one.nodes[0].target}, ${one.nodes[0].failureSummary}`), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: title }).waitFor({ state: 'detached' });
  }
});

test('the theme is chosen by hand, and kept', async (t) => {
  const page = await opened(t);
  await page.getByRole('button', { name: 'Dark theme' }).click();
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await paper(), 'rgb(19, 19, 18)');
  await page.reload();
  assert.equal(await paper(), 'rgb(19, 19, 18)');
});

test('a phone: sheets for filters and details, a tap plays', async (t) => {
  const page = await opened(t, { width: 390, height: 844, hasTouch: true, isMobile: true });
  await page.getByRole('button', { name: 'Filters' }).tap();
  const sheet = page.getByRole('dialog', { name: 'Filters' });
  await sheet.getByRole('button', { name: /^flac/ }).tap();
  await sheet.getByRole('button', { name: 'Close' }).tap();
  const { total } = await api('recordings?format=flac');
  await page.getByText(`${total} recordings`, { exact: true }).waitFor();
  await row(page, 0).locator('.what').tap();
  await page.getByTestId('transport').getByRole('button', { name: 'Pause' }).waitFor();
  const box = await page.getByTestId('transport').boundingBox();
  assert.ok(box.y + box.height <= 844.5 && box.x >= 0 && box.x + box.width <= 390.5, JSON.stringify(box));
  for (const button of await page.getByTestId('transport').getByRole('button').all()) {
    const size = await button.boundingBox();
    if (size) assert.ok(size.width >= 36 && size.height >= 36, 'large enough for a finger');
  }
});

test('a server that is gone is said, and found again', async (t) => {
  const page = await opened(t, { expected: [/ERR_|Failed to load|api\/v1|health/] });
  await until(async () => (await rows(page)).length > 4, 'rows');
  await page.context().setOffline(true);
  await page.getByTestId('query').fill('rain');
  await page.keyboard.press('Enter');
  await page.getByText('The server does not answer.').first().waitFor();
  assert.ok((await rows(page)).length > 4, 'the list stays');
  await page.context().setOffline(false);
  await page.getByText('The server does not answer.').first().waitFor({ state: 'detached' });
  await page.getByRole('grid', { name: 'Moments' }).waitFor();
});
