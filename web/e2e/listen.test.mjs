// Hearing, hands on the keyboard: what goes out is measured.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, ask, begun, figure, idOf, list, opened, row, rows, sound, toList, until } from './browser.mjs';

const GENEROUS = 1000; // ms, on a busy machine; what was measured is reported
const LEAD = 0.3;

test('arrowing plays at once, 0.3 s before the moment', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'a dog barking');
  await toList(page);
  const spent = [];
  for (let at = 1; at <= 6; at += 1) {
    const got = await begun(page, 'ArrowDown');
    const moment = found.data[at];
    const from = Math.max(0, moment.start - LEAD);
    assert.ok(got.src.includes(`/recordings/${moment.recording_id}/audio`), `row ${at} plays`);
    assert.ok(Math.abs(got.position - from) < 0.02, `begins at ${got.position}, the moment is at ${moment.start}`);
    spent.push(got.heard);
    await page.waitForTimeout(350); // neighbours are made ready
  }
  spent.sort((a, b) => a - b);
  const middle = spent[Math.floor(spent.length / 2)];
  figure(t, `preview: first sound ${middle.toFixed(0)} ms after the key (median of ${spent.length}, worst ${spent.at(-1).toFixed(0)} ms)`);
  assert.ok(middle < GENEROUS, `${middle} ms`);
  assert.equal((await sound(page)).voices, 1, 'one voice at a time');
  await page.keyboard.press('a');
  const before = (await sound(page)).src;
  await page.keyboard.press('ArrowUp');
  await page.waitForTimeout(200);
  assert.ok([before, null].includes((await sound(page)).src), 'without “Play while moving” arrowing is silent');
});

test('space pauses and plays on; arrows seek', async (t) => {
  const page = await opened(t);
  await ask(page, 'slow piano');
  await toList(page);
  const began = await begun(page, 'Space');
  figure(t, `space, nothing loaded before: begun ${began.event.toFixed(0)} ms after the key (the piano comes in 0.2 s later)`);
  await until(async () => (await sound(page)).position > began.position + 0.4, 'time goes on');
  assert.ok((await sound(page)).level > 1e-3, 'sound really flows');
  await page.keyboard.press('ArrowRight');
  const at = (await sound(page)).position;
  await page.keyboard.press('Shift+ArrowRight');
  await until(async () => (await sound(page)).position > at + 4, 'five seconds on');
  const there = (await sound(page)).position;
  await page.keyboard.press('ArrowLeft');
  await until(async () => (await sound(page)).position < there, 'one second back');
  await page.keyboard.press('Space');
  await until(async () => !(await sound(page)).playing, 'silence');
  await until(async () => (await sound(page)).level < 1e-4, 'really');
  const held = await page.getByTestId('position').innerText();
  await page.waitForTimeout(150);
  assert.equal(await page.getByTestId('position').innerText(), held, 'it stays where it is');
  const again = await begun(page, 'Space');
  assert.ok(Math.abs(again.position - Number(held.split(':')[1])) < 0.15, `plays on from ${held}, not ${again.position}`);
});

test('l loops the moment', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'a cow mooing');
  assert.equal(found.data[0].name, 'cow.flac');
  await toList(page);
  await page.keyboard.press('l');
  await begun(page, 'Space');
  const { end } = found.data[0];
  await until(async () => (await sound(page)).position > end - 0.5, 'it comes to the end');
  await until(async () => (await sound(page)).position < 0.5, 'and begins again');
  assert.equal(await page.getByRole('button', { name: 'Loop the moment' }).getAttribute('aria-pressed'), 'true');
  assert.ok((await sound(page)).playing);
  await page.keyboard.press('l');
  await until(async () => !(await sound(page)).playing, 'without the loop it ends');
});

test('n and p go through the moments of one recording', async (t) => {
  const page = await opened(t);
  const id = await idOf('ZOOM0001.opus');
  const path = (await api(`recordings/${id}`)).path;
  await page.evaluate((where) => (location.hash = `#/?${new URLSearchParams({ q: 'a dog and bells', where })}`), `path = "${path}"`);
  await page.getByRole('grid', { name: 'Moments' }).waitFor();
  const found = await api('search', { json: { query: 'a dog and bells', filters: { where: `path = "${path}"` }, limit: 100 } });
  const own = [...found.data].sort((a, b) => a.start - b.start);
  assert.ok(own.length >= 2, 'the recording has several moments');
  await row(page, found.data.indexOf(own[0])).locator('.what').click();
  await until(async () => (await rows(page)).find((one) => one.active)?.index === found.data.indexOf(own[0]), 'its first moment is active');
  await page.waitForTimeout(500); // what the click plays has begun
  for (const [key, moment] of [['n', own[1]], ['p', own[0]]]) {
    const got = await begun(page, key);
    assert.ok(Math.abs(got.position - Math.max(0, moment.start - LEAD)) < 0.02, `${key}: ${got.position}, the moment is at ${moment.start}`);
    assert.equal((await rows(page)).find((one) => one.active).index, found.data.indexOf(moment));
  }
});

test('what plays plays on while pages change', async (t) => {
  const page = await opened(t);
  await ask(page, 'slow piano');
  await toList(page);
  await begun(page, 'Space');
  const { src } = await sound(page);
  for (const to of ['#/library', '#/map', '#/?q=slow+piano']) {
    const before = (await sound(page)).position;
    await page.evaluate((hash) => (location.hash = hash), to);
    await until(async () => (await sound(page)).position > before + 0.2, `it goes on at ${to}`);
    assert.equal((await sound(page)).src, src);
  }
  await page.getByTestId('transport').getByRole('button', { name: 'Pause' }).click();
  await until(async () => !(await sound(page)).playing, 'paused');
  const held = await page.getByTestId('position').innerText();
  await page.getByTestId('transport').getByRole('link').click();
  await page.getByRole('heading', { name: 'slow piano.ogg' }).waitFor();
  assert.equal(await page.getByTestId('position').innerText(), held, 'the position survives');
});

test('loudness is matched, and never over −1 dBFS', async (t) => {
  const page = await opened(t);
  await ask(page, 'a level crossing bell');
  await toList(page);
  let loudest = 0;
  const levels = [];
  for (let at = 0; at < 4; at += 1) {
    await begun(page, at ? 'ArrowDown' : 'Space');
    await until(async () => /dB$/.test(await page.locator('.match').innerText()) && !(await page.locator('.match').innerText()).includes('…'), 'the gain is known');
    levels.push(await page.locator('.match').innerText());
    for (let i = 0; i < 15; i += 1) loudest = Math.max(loudest, (await sound(page)).level);
  }
  assert.ok(new Set(levels).size > 1, `each its own gain: ${levels}`);
  assert.ok(loudest > 0.01 && loudest <= 10 ** (-1 / 20) + 0.01, `loudest sample ${loudest}`);
});

test('the list gives way to typing, and back', async (t) => {
  const page = await opened(t);
  await ask(page, 'rain');
  await page.keyboard.press('ArrowDown');
  await until(() => list(page).evaluate((element) => element === document.activeElement), 'down goes from the query to the list');
  await page.keyboard.press('/');
  await page.keyboard.type('jl l');
  assert.equal(await page.getByTestId('query').inputValue(), 'jl l', 'letters are letters while typing');
  assert.equal(await page.getByRole('button', { name: 'Loop the moment' }).count(), 0);
});
