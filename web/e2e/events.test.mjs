// What is heard when: labels become lanes on the time axis; each block plays exactly itself, and all of them leave as a table.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { idOf, opened, saved, sound, until } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SOUNDS = ['a dog barking', 'church bells', 'a siren'];
const lane = (page, label) => page.locator(`[data-testid=lane][data-label="${label}"]`);
const blocks = (page, label) => lane(page, label).locator('[data-event]');
/** What the page says of a block, read as numbers. */
async function event(block) {
  const [, label, m, s, n, z, score] = (await block.getAttribute('title')).match(/^(.*) · (\d+):([\d.]+) – (\d+):([\d.]+) · (\d+) %$/);
  return { label, start: 60 * m + Number(s), end: 60 * n + Number(z), score: score / 100 };
}

async function opens(t, more = {}, hash = '') {
  const id = await idOf('street.wav', 'scene');
  const page = await opened(t, { library: 'scene', hash: `#/recording/${id}${hash}`, ...more });
  await page.getByTestId('listen-for').waitFor();
  return page;
}
/** Type what to listen for, and wait until all of it is heard. */
async function listen(page, words) {
  await page.keyboard.press('h');
  await page.getByTestId('listen-for').fill(words);
  await page.keyboard.press('Enter');
  await page.getByText(/^\d+ events? heard$/).waitFor();
}
async function heard(t, more) {
  const page = await opens(t, more);
  await listen(page, `${SOUNDS.join(', ')}, rain`);
  for (const label of SOUNDS) await blocks(page, label).first().waitFor();
  return page;
}

test('named sounds become lanes that overlap, where they are heard', async (t) => {
  const page = await opens(t);
  await page.getByText('Name sounds, with commas between them, and press Enter').waitFor();
  await listen(page, `${SOUNDS.join(', ')}, bells, rain`);
  const found = {};
  for (const label of [...SOUNDS, 'bells']) {
    await blocks(page, label).first().waitFor();
    found[label] = await event(blocks(page, label).first());
  }
  await page.getByText(/^Not heard at \d+ % or more/).waitFor();
  assert.equal(await lane(page, 'rain').count(), 0);
  const [dog, bells, siren] = SOUNDS.map((label) => found[label]);
  assert.ok(Math.abs(dog.start - 8) < 2 && dog.end > 10 && dog.end < 15, JSON.stringify(dog));
  assert.ok(bells.start > 15 && siren.start > 22 && siren.end < 35, JSON.stringify(found));
  assert.ok(found.bells.start < bells.end && bells.start < found.bells.end, 'bells and church bells are heard at once');
  const axis = await page.getByTestId('plane').boundingBox();
  const box = await blocks(page, 'a dog barking').first().boundingBox();
  assert.ok(Math.abs(box.x - (axis.x + (axis.width * dog.start) / 40)) < 3, 'a block lies under its sound');
  assert.match(page.url(), /hear=a\+dog\+barking/);

  await page.reload();
  await blocks(page, 'a siren').first().waitFor(); // the address keeps what is listened for
});

test('a block plays exactly itself; keys step from event to event', async (t) => {
  const page = await heard(t, { keep: { preview: false } });
  const dog = await event(blocks(page, 'a dog barking').first());
  await blocks(page, 'a dog barking').first().click();
  const first = await until(async () => ((await sound(page)).playing ? sound(page) : null), 'it plays');
  assert.ok(first.position >= dog.start - 0.05 && first.position < dog.start + 2, `${first.position} of ${dog.start}`);
  await until(async () => !(await sound(page)).playing, 'it ends by itself', dog.end - dog.start + 5);
  const stopped = await page.evaluate(() => window.heard.voices.map((voice) => voice.currentTime).reduce((a, b) => Math.max(a, b), 0));
  assert.ok(Math.abs(stopped - dog.end) < 0.25, `silent at ${stopped}, the event ends at ${dog.end}`);

  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-event') ?? null);
  await page.keyboard.press('j');
  await until(async () => (await focused())?.startsWith('church bells@'), 'the next event has the keyboard');
  assert.ok(!(await sound(page)).playing, 'without auto-preview it is silent');
  await page.keyboard.press('ArrowDown');
  await until(async () => (await focused())?.startsWith('a siren@'), 'an arrow goes to the lane below');
  await page.keyboard.press('k');
  await until(async () => (await focused())?.startsWith('church bells@'), 'the previous event');
  const bells = await event(blocks(page, 'church bells').first());
  await page.keyboard.press('Space');
  await until(async () => (await sound(page)).position >= bells.start - 0.05, 'space plays it');
  await page.keyboard.press('Space');
  await until(async () => !(await sound(page)).playing, 'and pauses it');
  await page.keyboard.press('+');
  await page.keyboard.press('+');
  await until(async () => (await lane(page, 'a dog barking').locator('[data-event]').count()) === 0, 'lanes zoom with the waveform');
  await page.keyboard.press('0');
  await blocks(page, 'a dog barking').first().waitFor();
});

test('the threshold filters at once, and asks nothing', async (t) => {
  const page = await heard(t);
  let asked = 0;
  page.on('request', (request) => request.url().includes('/detect') && (asked += 1));
  const slider = page.getByRole('slider', { name: 'Least probability of an event' });
  const all = async () => (await page.locator('[data-testid=lane] [data-event]').all()).length;
  const before = await all();
  await slider.fill('0.95');
  await page.getByText('Not heard at 95 % or more').waitFor();
  assert.ok((await all()) < before, 'what is less sure goes');
  await slider.fill('0.1');
  await until(async () => (await all()) >= before, 'and comes back');
  for (const block of await page.locator('[data-testid=lane] [data-event]').all()) assert.ok((await event(block)).score >= 0.1);
  await slider.fill('0.4');
  await until(async () => (await all()) === before, 'as it was');
  assert.equal(asked, 0);
});

test('events leave as a Raven table, each by its name', async (t) => {
  const page = await heard(t);
  const shown = [];
  for (const label of SOUNDS) for (const block of await blocks(page, label).all()) shown.push(await event(block));
  await page.getByRole('button', { name: 'Export events' }).click();
  const file = await saved(page, () => page.getByTestId('export').getByRole('button', { name: /^raven/ }).click());
  const [head, ...table] = file.bytes.toString('utf8').trimEnd().split('\n').map((line) => line.split('\t'));
  const column = (name) => head.indexOf(name);
  assert.equal(table.length, shown.length);
  const rows = table.map((row) => ({ label: row[column('Label')], start: Number(row[column('Begin Time (s)')]), end: Number(row[column('End Time (s)')]), score: Number(row[column('Score')]), file: row[column('Begin File')] }));
  assert.deepEqual(new Set(rows.map((row) => row.file)), new Set(['street.wav']));
  for (const row of rows) {
    const own = shown.find((one) => one.label === row.label && Math.abs(one.start - row.start) < 0.06 && Math.abs(one.end - row.end) < 0.06);
    assert.ok(own && Math.abs(own.score - row.score) < 0.006, JSON.stringify(row));
  }
  await page.getByTestId('export').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Export events' }).click();
  const labels = await saved(page, () => page.getByTestId('export').getByRole('button', { name: /^audacity/ }).click());
  assert.match(labels.bytes.toString('utf8'), /^\d+\.\d{6}\t\d+\.\d{6}\ta dog barking 0\.\d{3}$/m);
});

test('what goes wrong is one line with a way out; listening can be stopped', async (t) => {
  const page = await opens(t, { expected: [/ERR_|Failed to load|api\/v1|health/] });
  await page.context().setOffline(true);
  await page.getByTestId('listen-for').fill('a siren');
  await page.keyboard.press('Enter');
  const wrong = page.getByTestId('events').getByRole('alert');
  await wrong.getByText('The server does not answer.').waitFor();
  await page.context().setOffline(false);
  await wrong.getByRole('button', { name: 'Try again' }).click();
  await blocks(page, 'a siren').first().waitFor();
  await wrong.waitFor({ state: 'detached' });
  await page.route('**/api/v1/detect/stream*', () => undefined); // it never answers
  await page.getByTestId('listen-for').fill('thunder');
  await page.keyboard.press('Enter');
  await page.getByText(/^Listened to 0:00 of 0:40/).waitFor();
  await page.getByTestId('events').getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText(/^Not heard at \d+ % or more/).waitFor();
  await page.getByRole('button', { name: 'Listen no more for thunder' }).click();
  await page.getByText(/^Not heard at \d+ % or more/).waitFor({ state: 'detached' });
  assert.equal(await blocks(page, 'a siren').count(), 1);
});

for (const theme of ['light', 'dark'])
  for (const [width, height] of [[390, 844], [1024, 768], [1600, 1000]])
    test(`${theme}, ${width} px: lanes fit, axe finds nothing`, async (t) => {
      const page = await heard(t, { theme, width, height, bypassCSP: true });
      await page.addScriptTag({ path: axe });
      const { scrollWidth, clientWidth } = await page.evaluate(() => { const { scrollWidth, clientWidth } = document.querySelector('main .scroll'); return { scrollWidth, clientWidth }; });
      assert.equal(scrollWidth, clientWidth);
      for (const one of await page.getByTestId('events').locator('button, input, p').all()) {
        const box = await one.boundingBox();
        if (box && box.width > 1) assert.ok(box.x >= -0.5 && box.x + box.width <= width + 0.5, `${await one.textContent()}: ${JSON.stringify(box)}`);
      }
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.slice(0, 2).map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`), []);
    });
