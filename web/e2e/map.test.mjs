// The library as points: drawn, looked at, heard, picked with a loop, tagged.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, begun, idOf, opened, painted, sound, until } from './browser.mjs';

const map = (page) => page.getByTestId('map');
const tip = (page) => map(page).locator('.tip');

/** The place of a point on the screen: the mouse goes over the map until a name shows. */
async function overPoint(page, { from = 0.2 } = {}) {
  const box = await map(page).boundingBox();
  for (let y = from; y < 0.9; y += 0.02)
    for (let x = 0.1; x < 0.9; x += 0.01) {
      await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
      if (await map(page).evaluate((element) => element.classList.contains('points'))) return { x: box.x + x * box.width, y: box.y + y * box.height };
    }
  throw new Error('no point under the mouse anywhere');
}
async function loop(page, points) {
  const box = await map(page).boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of [...points.slice(1), points[0]]) await page.mouse.move(...at(point), { steps: 6 });
  await page.mouse.up();
}
const HALF = [[0.02, 0.02], [0.5, 0.02], [0.5, 0.98], [0.02, 0.98]];
async function ready(t, more) {
  const page = await opened(t, { hash: '#/map', ...more });
  await map(page).waitFor();
  await until(async () => (await painted(map(page).locator('canvas'))) > 0.0005, 'points are painted');
  return page;
}

test('the map is drawn when asked for, with its progress', async (t) => {
  const page = await opened(t, { hash: '#/map' });
  await page.getByRole('heading', { name: 'The map is not drawn yet' }).waitFor();
  await page.getByTestId('draw-map').click();
  await map(page).waitFor({ timeout: 60_000 });
  const info = await api('map');
  assert.equal(info.state, 'ready');
  assert.equal(info.ids.length, 61);
  await until(async () => (await painted(map(page).locator('canvas'))) > 0.0005, 'points are painted');
  assert.match(await map(page).getAttribute('aria-label'), /Map of 61 recordings/);
});

test('a name at hover, sound at a click', async (t) => {
  const page = await ready(t);
  const spot = await overPoint(page);
  await tip(page).waitFor();
  const name = await tip(page).innerText();
  const info = await api('map');
  const at = info.names.findIndex((one) => one === name || one.startsWith(name));
  assert.ok(at >= 0, `${name} is in the library`);
  await page.mouse.click(spot.x, spot.y);
  await until(async () => (await sound(page)).src?.includes(`/recordings/${info.ids[at]}/audio`), 'a click plays it');
  await until(async () => (await sound(page)).level > 1e-4, 'it is heard');
});

test('the keyboard goes from point to point', async (t) => {
  const page = await ready(t);
  await map(page).focus();
  await page.keyboard.press('a'); // silently
  await page.keyboard.press('ArrowRight');
  const said = page.locator('main > [role=status]').first();
  const first = await said.innerText();
  assert.ok((await api('map')).names.includes(first), first);
  await page.keyboard.press('ArrowLeft');
  await until(async () => (await said.innerText()) !== first, 'another point');
  await begun(page, 'Space');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.getByTestId('stage').waitFor();
});

test('a loop selects into the list, and a tag for all of them is undone', async (t) => {
  const page = await ready(t);
  await page.getByTestId('lasso').click();
  await loop(page, HALF);
  const bar = page.getByTestId('map-selection');
  const n = Number((await bar.locator('b').innerText()).match(/^\d+/)[0]);
  assert.ok(n > 5 && n < 61, `${n} selected`);
  await bar.getByRole('button', { name: 'Show in list' }).click();
  const list = page.getByRole('grid', { name: 'Selected recordings' });
  await until(async () => (await list.getAttribute('aria-rowcount')) === String(n), 'all of them are in the list');
  await bar.getByRole('button', { name: 'Tag' }).click();
  await page.getByTestId('tag-editor').locator('input').fill('west');
  await page.keyboard.press('Enter');
  const tagged = async () => (await api('recordings?tag=west')).total;
  await until(async () => (await tagged()) === n, `all ${n} have the tag`);
  await page.getByText(`Tagged ${n} recordings +west`).waitFor();
  await page.keyboard.press('u');
  await until(async () => (await tagged()) === 0, 'u takes it from all of them');
  await page.keyboard.press('Escape');
  await until(async () => (await bar.count()) === 0 || (await list.count()) === 0, 'escape lets go');
});

test('what is selected plays through, one after another', async (t) => {
  const page = await ready(t);
  await page.keyboard.down('Shift');
  await loop(page, HALF);
  await page.keyboard.up('Shift');
  await page.getByTestId('play-through').click();
  await until(async () => (await sound(page)).playing, 'the first plays');
  const { src } = await sound(page);
  await page.keyboard.press('n');
  await until(async () => (await sound(page)).playing && (await sound(page)).src !== src, 'n goes to the next');
});

test('a library that changed says that its map is old', async (t) => {
  const id = await idOf('tap.ogg');
  const page = await ready(t, { hash: `#/map?at=${id}` });
  await until(async () => (await page.locator('main > [role=status]').first().innerText()).startsWith('tap.ogg'), 'the address names a point');
});
