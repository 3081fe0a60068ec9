// The report by the page's menu: under the server's own Content-Security-Policy, in both themes, at three widths; what is heard in it plays.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { opened, until } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const main = (page) => page.getByRole('main');

async function led(page, width) {
  if (width < 900) await page.getByRole('button', { name: 'Menu', exact: true }).click();
  await page.getByRole(width < 900 ? 'menuitem' : 'link', { name: 'Report' }).click();
  await page.waitForURL('**/report');
  await page.getByRole('heading', { level: 1, name: 'Results' }).waitFor();
}

for (const [width, height] of [[1600, 1000], [390, 844]])
  test(`${width} px: the menu leads to the report, a sound plays, and back`, async (t) => {
    const page = await opened(t, { width, height, theme: 'dark' });
    await led(page, width);
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(19, 19, 18)');
    assert.match(await page.evaluate(() => getComputedStyle(document.body).fontFamily), /Inter Variable/);
    await main(page).getByRole('heading', { name: 'Paired differences' }).waitFor();
    assert.ok((await main(page).locator('figure svg').count()) > 20, 'figures are drawn');

    const plays = main(page).getByRole('button', { name: /^Play / });
    await plays.first().focus();
    await page.keyboard.press('Enter');
    const playing = () => page.evaluate(() => [...document.querySelectorAll('audio')].filter((one) => !one.paused).map((one) => one.currentTime));
    await until(async () => (await playing())[0] > 0.05, 'the first sound plays');
    await plays.first().click(); // what plays says Pause: this is the next one
    await until(async () => (await playing()).length === 1, 'one voice at a time');

    await page.getByRole('link', { name: 'auricle', exact: true }).click();
    await page.getByTestId('query').waitFor();
  });

/** What sticks out of the screen where one cannot scroll to it. */
const clipped = (page) =>
  page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    const bad = scrollWidth > clientWidth ? [`the page is ${scrollWidth} px wide in ${clientWidth}`] : [];
    for (const element of document.querySelectorAll('h1, h2, h3, p, figure, figcaption, li, button, select, a, summary')) {
      if (!element.checkVisibility() || element.closest('.wide, .skip, .unseen')) continue;
      const { left, right, width } = element.getBoundingClientRect();
      if (width > 1 && (left < -1 || right > clientWidth + 1)) bad.push(`${element.tagName} ${Math.round(left)}…${Math.round(right)}: ${element.textContent.trim().slice(0, 40)}`);
    }
    return bad;
  });

for (const theme of ['light', 'dark'])
  for (const [width, height] of [[390, 844], [1024, 768], [1600, 1000]])
    test(`${theme}, ${width} px: nothing is clipped, axe finds nothing`, async (t) => {
      const page = await opened(t, { theme, width, height, bypassCSP: true });
      await page.goto(new URL('./report', page.url()).href);
      await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
      assert.deepEqual(await clipped(page), []);
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      assert.deepEqual(violations.map((one) => `${one.id}, ${one.help}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${node.failureSummary}`).join('; ')}`), []);
    });

test('an older report is chosen; the theme is kept', async (t) => {
  const page = await opened(t);
  await led(page, 1600);
  await page.getByRole('button', { name: 'Dark', exact: true }).click();
  await page.getByLabel('Report', { exact: true }).selectOption('digits');
  await page.getByRole('heading', { level: 1, name: 'FSDD, spoken digits' }).waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(19, 19, 18)');
});
