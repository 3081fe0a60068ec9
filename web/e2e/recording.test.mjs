// One recording: look near, select, hear, take out.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { api, ask, begun, idOf, opened, saved, sound, toList, told, until, wav } from './browser.mjs';

const stage = (page) => page.getByTestId('stage');
const inSight = async (page) => {
  const [from, to] = (await page.getByTestId('tools').locator('.said').first().innerText()).match(/\d+:\d\d(?:\.\d)?/g).map((text) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0));
  return { from, to, span: to - from };
};
/** Drag across an element, from one share of its width to another. */
async function drag(page, locator, from, to, height = 0.5) {
  const box = await locator.boundingBox();
  await page.mouse.move(box.x + from * box.width, box.y + height * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + ((from + to) / 2) * box.width, box.y + height * box.height, { steps: 4 });
  await page.mouse.move(box.x + to * box.width, box.y + height * box.height, { steps: 4 });
  await page.mouse.up();
}
const drawn = (page) => page.evaluate(() => window.heard.canvases(document.querySelector('[data-testid=stage]')).filter((canvas) => window.heard.columns(canvas) > 100).length);

async function opens(t, name, hash = '') {
  const id = await idOf(name);
  const page = await opened(t, { hash: `#/recording/${id}${hash}` });
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  await until(async () => (await drawn(page)) >= 2, 'both waveforms are drawn');
  return { page, id, detail: await api(`recordings/${id}`) };
}

test('from a found moment to its recording: waveform, spectrogram, the moments, the words', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'it has been raining all night');
  await toList(page);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: found.data[0].name, level: 1 }).waitFor();
  await until(async () => (await drawn(page)) >= 2, 'both waveforms are drawn');
  await until(() => stage(page).locator('img').first().evaluate((image) => image.naturalWidth > 300), 'the spectrogram is drawn');
  const own = page.getByTestId('found').getByRole('listitem');
  await own.first().waitFor();
  assert.ok((await own.count()) >= 1);
  const words = page.getByRole('region', { name: 'Words in it' }).or(page.locator('section', { has: page.getByRole('heading', { name: /^Words in it/ }) }));
  await words.first().getByText('It has been raining all night.').waitFor();
  await words.first().getByRole('button', { name: 'Play from 0:20' }).click();
  await until(async () => (await sound(page)).position >= 20, 'a time in the words plays from there');
  assert.ok((await sound(page)).position < 24);
  await until(async () => (await page.getByTestId('similar').getByRole('listitem').count()) > 0, 'there are recordings that sound alike');
  await page.keyboard.press('Escape');
  await page.getByRole('grid', { name: 'Moments' }).waitFor();
  assert.match(page.url(), /q=it\+has\+been/);
});

test('zoom by brush and keys', async (t) => {
  const { page, detail } = await opens(t, 'ZOOM0003.opus');
  assert.ok(Math.abs((await inSight(page)).span - detail.duration) < 0.2, 'at first all of it is in sight');
  await drag(page, page.getByTestId('overview'), 0.25, 0.5);
  await until(async () => Math.abs((await inSight(page)).from - detail.duration / 4) < 0.5 && Math.abs((await inSight(page)).span - detail.duration / 4) < 0.6, 'a quarter is in sight');
  const src = await stage(page).locator('img').last().getAttribute('src');
  await page.keyboard.press('+');
  await until(async () => (await inSight(page)).span < detail.duration / 7, 'nearer');
  await until(async () => (await stage(page).locator('img').last().getAttribute('src')) !== src, 'the spectrogram follows');
  await page.keyboard.press('0');
  await until(async () => Math.abs((await inSight(page)).span - detail.duration) < 0.2, 'the whole again');
});

test('a click plays from there; n and p go through the moments', async (t) => {
  const id = await idOf('ZOOM0001.opus');
  const { page, detail } = await opens(t, 'ZOOM0001.opus', '?q=a+dog+barking');
  assert.equal(detail.id, id);
  const plane = await page.getByTestId('plane').boundingBox();
  await page.mouse.click(plane.x + plane.width / 2, plane.y + 40);
  await until(async () => Math.abs((await sound(page)).position - detail.duration / 2) < 1.5, 'the middle plays');
  await page.keyboard.press('Space');
  await until(async () => !(await sound(page)).playing, 'paused');
  const own = page.getByTestId('found').getByRole('listitem');
  await own.first().waitFor();
  const times = (await own.locator('.what').allInnerTexts()).map((text) => text.match(/(\d+):(\d\d\.\d)/)).map(([, m, s]) => Number(m) * 60 + Number(s));
  assert.deepEqual(times, [...times].sort((a, b) => a - b), 'moments stand in order of time');
  await page.mouse.click(plane.x + 4, plane.y + 40);
  await until(async () => (await sound(page)).position < 1, 'the beginning plays');
  await page.keyboard.press('n');
  const next = times.find((time) => time > 1.5) ?? times[0];
  await until(async () => Math.abs((await sound(page)).position - Math.max(0, next - 0.3)) < 1, `the next moment, ${next}, plays`);
});

test('a selection is heard, looked for, and saved', async (t) => {
  const { page, detail } = await opens(t, 'ZOOM0001.opus');
  await drag(page, page.getByTestId('plane'), 0.4, 0.5, 0.2);
  await page.getByTestId('selection').waitFor();
  const selected = await inSight(page);
  assert.ok(Math.abs(selected.from - 0.4 * detail.duration) < 0.3 && Math.abs(selected.to - 0.5 * detail.duration) < 0.3, JSON.stringify(selected));
  await page.getByTestId('tools').getByRole('button', { name: 'Play', exact: true }).click();
  await until(async () => Math.abs((await sound(page)).position - selected.from) < 1.5, 'the selection plays');
  await page.getByTestId('tools').getByRole('button', { name: 'Export' }).click();
  const file = await saved(page, () => page.getByTestId('export').getByRole('button', { name: 'FLAC' }).click());
  assert.equal(file.bytes.toString('latin1', 0, 4), 'fLaC');
  await page.getByTestId('export').waitFor({ state: 'detached' });
  await page.keyboard.press('e');
  const cut = await saved(page, () => page.getByTestId('export').getByRole('button', { name: 'WAV' }).click());
  assert.ok(Math.abs(wav(cut.bytes).seconds - selected.span) < 0.11, `${wav(cut.bytes).seconds} s of ${selected.span}`);
  await page.getByRole('heading', { name: /^Sounds like the selection/ }).waitFor();
  await page.keyboard.press('s');
  await page.getByRole('grid', { name: 'Moments' }).waitFor();
  await page.getByRole('button', { name: 'Remove: like ZOOM0001.opus' }).waitFor();
});

test('what it is: facts, doubles, its folder, tags with undo', async (t) => {
  const { page, id, detail } = await opens(t, 'church bells.ogg');
  const facts = page.locator('section', { has: page.getByRole('heading', { name: 'Recording', exact: true }) });
  assert.match(await facts.innerText(), new RegExp(detail.path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')));
  const same = page.locator('section', { has: page.getByRole('heading', { name: 'The same sound' }) });
  await same.getByText('bells, a copy.ogg').waitFor();
  assert.match(await same.innerText(), /bells, a copy\.ogg[\s\S]*same bytes/);
  assert.match(await same.innerText(), /bells, once more\.flac[\s\S]*% alike/);
  await facts.getByRole('button', { name: 'Show in folder' }).click();
  const folder = detail.path.replace(/\/[^/]*$/, '');
  await until(async () => (await readFile(told.revealed, 'utf8').catch(() => '')).split('\n').includes(folder), 'the folder was opened');
  await facts.getByRole('button', { name: 'Copy' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), detail.path);
  const given = async () => (await api(`recordings/${id}`)).tags.filter((tag) => tag.source === 'user').map((tag) => tag.value);
  await page.keyboard.press('Escape'); // the keyboard is on no button
  await page.evaluate((to) => (location.hash = to), `#/recording/${id}`);
  await page.getByRole('heading', { name: 'church bells.ogg', level: 1 }).waitFor();
  await page.keyboard.press('t');
  await page.getByTestId('tag-editor').locator('input').fill('sunday');
  await page.keyboard.press('Enter');
  await facts.getByRole('button', { name: 'sunday' }).waitFor();
  await until(async () => (await given()).includes('sunday'), 'the server has it');
  await page.keyboard.press('u');
  await until(async () => !(await given()).length, 'the server has it no more');
  await facts.getByRole('button', { name: 'sunday' }).waitFor({ state: 'detached' });
});

test('a recording that is not there says so', async (t) => {
  const page = await opened(t, { hash: '#/recording/999999', expected: [/\/api\/v1\/recordings\/999999/] });
  await page.getByRole('heading', { name: 'There is no such recording' }).waitFor();
});

test('keys play from the keyboard\'s place', async (t) => {
  const { page } = await opens(t, 'slow piano.ogg');
  await page.keyboard.press('Shift+ArrowRight');
  const got = await begun(page, 'Space');
  assert.ok(Math.abs(got.position - 5) < 0.2, `${got.position}`);
});
