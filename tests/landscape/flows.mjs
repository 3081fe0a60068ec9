// The page of the field as a file in a real Chromium: search, filters, records, pictures, contamination, keys, themes; and every
// picture as a file of its own. Run by test_landscape_in_chromium.py.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

const told = JSON.parse(process.env.AURICLE_E2E);
const web = createRequire(`${told.web}/package.json`);
const { chromium } = web('playwright-core');
const axe = web.resolve('axe-core/axe.min.js');
let browser;
before(async () => (browser = await chromium.launch({ executablePath: told.chromium, args: ['--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP * ~NOTFOUND'] })));
after(() => browser?.close());

async function opened(t, { url = told.page, hash = '', theme = 'light', width = 1500, height = 950 } = {}) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height } });
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  const said = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error.stack ?? error)));
  context.on('request', (request) => !/^(file|data|blob):/.test(request.url()) && said.push(`asked for ${request.url()}`));
  t.after(async () => {
    await context.close();
    assert.deepEqual(said, []);
  });
  await page.goto(`${url}${hash}`);
  return page;
}
const rows = (page) => page.locator('#rows a').evaluateAll((all) => all.map((one) => one.dataset.id));
const heading = (page) => page.locator('#detail h2');
async function clean(page, what) {
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(async () => (await window.axe.run(document)).violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).slice(0, 2).join(' | ')}`));
  assert.deepEqual(found, [], what);
}
const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

test('search finds by name, alias and words of facts; filters narrow; both stand in the address', async (t) => {
  const page = await opened(t);
  const all = (await rows(page)).length;
  assert.equal(all, told.records);
  await page.keyboard.press('/');
  await page.keyboard.type('audiocaps');
  await page.waitForURL(/q=audiocaps/);
  assert.equal((await rows(page))[0], 'audiocaps');
  assert.ok((await rows(page)).length < all);
  await page.keyboard.press('Escape');
  await page.locator('#f-kind-set').check();
  const sets = await rows(page);
  assert.equal(sets.length, told.sets);
  await page.locator('#f-domain-music').check();
  assert.ok((await rows(page)).length < sets.length);
  assert.match(page.url(), /kind=set&domain=music/);
  await page.reload();
  assert.ok(await page.locator('#f-kind-set').isChecked());
  await page.getByRole('button', { name: 'Clear filters' }).click();
  assert.equal((await rows(page)).length, all);
  await page.getByLabel('Search the records').fill('zzzz qqqq');
  await page.getByText('Nothing fits.').waitFor();
});

test('a click leads from a record along its relations to others, with source and mark at every step', async (t) => {
  const page = await opened(t, { hash: '#/record/audiocaps' });
  await page.getByRole('heading', { name: 'AudioCaps', exact: false, level: 2 }).waitFor();
  assert.ok((await page.locator('#detail .mark').count()) > 2);
  await page.locator('#detail .related').getByRole('link', { name: 'AudioSet', exact: true }).first().click();
  await page.waitForFunction(() => document.querySelector('#detail h2').textContent === 'AudioSet');
  assert.match(page.url(), /#\/record\/audioset/);
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('#detail h2').textContent.startsWith('AudioCaps'));
});

test('the keyboard is enough', async (t) => {
  const page = await opened(t);
  const [first, second] = await rows(page);
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), second);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.waitForFunction((id) => location.hash.includes(`record/${id}`), first);
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('p');
  await page.locator('#sheet svg').waitFor();
  await page.keyboard.press('c');
  await page.getByRole('heading', { name: 'What may a score claim?' }).waitFor();
  await page.keyboard.press('Escape');
  await heading(page).waitFor();
});

test('contamination: a model and a benchmark are chosen, the ways are told', async (t) => {
  const page = await opened(t, { hash: '#/contamination' });
  await page.getByLabel('Model').selectOption(told.model);
  await page.locator('#answer tbody tr').first().waitFor();
  await page.getByLabel('Benchmark or test set').selectOption(told.benchmark);
  await page.locator('#answer .trap').waitFor();
  assert.equal(await page.locator('#answer .bigword').textContent(), told.verdict);
  await page.getByText('It cannot claim').waitFor();
  assert.ok((await page.locator('#answer li').count()) >= 1);
  assert.match(page.url(), new RegExp(`contamination/${told.model}/${told.benchmark}`));
});

test('names in a picture lead to their records', async (t) => {
  const page = await opened(t, { hash: '#/pictures/overlap' });
  await page.locator('#sheet svg a').first().click();
  await heading(page).waitFor();
  await page.waitForFunction(() => location.hash.startsWith('#/record/'));
});

test('dark by the system, light by the button, kept', async (t) => {
  const page = await opened(t, { theme: 'dark' });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await paper(), 'rgb(19, 19, 18)');
  await page.getByRole('button', { name: 'Light' }).click();
  assert.equal(await paper(), 'rgb(251, 250, 247)');
  await page.reload();
  assert.equal(await paper(), 'rgb(251, 250, 247)');
});

for (const theme of ['light', 'dark'])
  for (const width of [390, 1024, 1600])
    test(`${theme}, ${width} px: nothing sticks out, axe finds nothing`, async (t) => {
      const page = await opened(t, { theme, width });
      for (const hash of ['#/', '#/record/audiocaps', '#/pictures/overlap', `#/contamination/${told.model}`, `#/contamination/${told.model}/${told.benchmark}`]) {
        await page.evaluate((to) => (location.hash = to), hash);
        await page.waitForTimeout(60);
        assert.equal(await sideways(page), false, `${hash} is wider than the screen`);
        if (width === (theme === 'dark' ? 1600 : 390)) await clean(page, hash); // each theme and each layout once: axe takes its time
      }
    });

for (const [name, url] of Object.entries(told.pictures))
  test(`${name}: no text lies on another or sticks out`, async (t) => {
    const page = await opened(t, { url, theme: 'dark' });
    const found = await page.evaluate(() => {
      const { width: W, height: H } = document.documentElement.viewBox.baseVal;
      const texts = [...document.querySelectorAll('text')].filter((one) => !one.hasAttribute('transform')).map((one) => [one.lastChild.data, one.getBBox()]);
      const bad = [];
      texts.forEach(([words, a], i) => {
        if (a.x < 0 || a.y < 0 || a.x + a.width > W || a.y + a.height > H) bad.push(`out: ${words}`);
        for (const [other, b] of texts.slice(i + 1))
          if (a.x < b.x + b.width - 0.5 && b.x < a.x + a.width - 0.5 && a.y < b.y + b.height - 2 && b.y < a.y + a.height - 2) bad.push(`${words} / ${other}`);
      });
      return bad;
    });
    assert.deepEqual(found, []);
    const paper = await page.evaluate(() => getComputedStyle(document.querySelector('rect')).fill);
    assert.equal(paper, 'rgb(19, 19, 18)');
  });
