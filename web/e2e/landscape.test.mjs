// The landscape by the page's menu: served under the server's own Content-Security-Policy, in the theme that was chosen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opened } from './browser.mjs';

for (const [width, height] of [[1600, 1000], [390, 844]])
  test(`${width} px: the menu leads to the landscape, and back`, async (t) => {
    const page = await opened(t, { width, height, theme: 'dark' });
    if (width < 900) await page.getByRole('button', { name: 'Menu', exact: true }).click();
    await page.getByRole(width < 900 ? 'menuitem' : 'link', { name: 'Landscape' }).click();
    await page.waitForURL('**/landscape');
    await page.getByLabel('Search the records').fill('audioset');
    await page.locator('#rows a').first().click();
    await page.getByRole('article', { name: 'Record' }).getByRole('heading', { level: 2 }).waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(19, 19, 18)');
    assert.match(await page.evaluate(() => getComputedStyle(document.body).fontFamily), /Inter Variable/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'nothing scrolls sideways');
    await page.goto(page.url().replace(/#.*/, '#/pictures/timeline'));
    await page.locator('#sheet svg.au').waitFor();
    await page.getByRole('link', { name: 'auricle', exact: true }).click();
    await page.getByTestId('query').waitFor();
  });
