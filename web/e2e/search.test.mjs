// Describe, find, narrow, keep: the search page on the demo sounds.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { api, ask, chip, idOf, list, opened, painted, row, rows, saved, told, toList, until, wav } from './browser.mjs';

test('words find moments, and each row shows its sound', async (t) => {
  const page = await opened(t);
  assert.ok(await page.getByTestId('query').evaluate((input) => input === document.activeElement), 'the query has the keyboard at the start');
  await page.getByText('61 recordings').first().waitFor();
  const found = await ask(page, 'a dog barking');
  const shown = await rows(page);
  assert.match(shown[0].name, /dog barking|ZOOM0001/);
  assert.deepEqual(shown.map((one) => one.name), found.data.slice(0, shown.length).map((one) => one.name));
  assert.match(shown[0].when, /\d:\d\d\.\d – \d:\d\d\.\d/);
  await until(async () => (await painted(row(page, 0).locator('canvas'))) > 0.02, 'the waveform of the first row is drawn');
  assert.equal(new URL(page.url()).hash, '#/?q=a+dog+barking');
  const evidence = row(page, 0).locator('.score');
  assert.match(await evidence.innerText(), /Evidence: sound -?\d\.\d\d, names/);
  await toList(page);
  assert.equal(await evidence.locator('b').count(), 0, 'numbers only on demand');
  await page.keyboard.press('w');
  assert.equal(await evidence.locator('b').count(), 3);
});

test('details of the row: spectrogram, why, words', async (t) => {
  const page = await opened(t);
  await ask(page, 'it has been raining all night');
  const inspector = page.getByTestId('inspector');
  await inspector.getByText('Why').waitFor();
  await until(() => inspector.locator('img').evaluate((image) => image.naturalWidth > 100, undefined, { timeout: 5000 }), 'the spectrogram is drawn');
  await inspector.getByRole('heading', { name: 'Words in it' }).waitFor();
  const before = await inspector.getByRole('heading', { level: 2 }).innerText();
  await toList(page);
  await page.keyboard.press('ArrowDown');
  await until(async () => (await inspector.getByRole('heading', { level: 2 }).innerText()) !== before, 'the details follow the keyboard');
});

test('what must not be heard is a chip; a click or Backspace removes it', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'rain, no voices');
  assert.deepEqual(found.understood, { wanted: 'rain', unwanted: ['voices'] });
  await chip(page, 'not voices').click();
  await until(() => page.url().endsWith('#/?q=rain'), 'the words went with their chip');
  assert.equal(await page.getByTestId('query').inputValue(), 'rain');
  await ask(page, 'rain, no voices');
  await chip(page, 'not voices').waitFor();
  await page.getByTestId('query').focus();
  for (const key of ['Control+A', 'Backspace', 'Backspace']) await page.keyboard.press(key);
  await until(async () => (await chip(page, 'not voices').count()) === 0, 'Backspace in the empty box takes the question back');
  await page.getByRole('grid', { name: 'Recordings' }).waitFor();
});

test('facets narrow and widen', async (t) => {
  const page = await opened(t);
  const rail = page.getByRole('region', { name: 'Filters' });
  const flac = rail.getByRole('button', { name: /^flac/ });
  const said = Number((await flac.innerText()).match(/\d+$/)[0]);
  const facets = await api('facets');
  assert.equal(said, facets.format.find((one) => one.value === 'flac').count);
  await flac.click();
  await page.getByText(`${said} recordings`, { exact: true }).waitFor();
  await until(async () => (await rows(page)).every((one) => one.name.endsWith('.flac')), 'only FLAC is left');
  await rail.getByRole('button', { name: /^1 – 5 s/ }).click();
  await chip(page, '1 – 5 s').waitFor();
  const both = await api('recordings?format=flac&min_duration=1&max_duration=5');
  await page.getByText(`${both.total} recordings`, { exact: true }).waitFor();
  await rail.getByRole('button', { name: /^animals/ }).click();
  await until(async () => (await rows(page)).map((one) => one.name).join() === 'cow.flac,sheep.flac', 'a folder narrows further');
  await page.getByTestId('query').click();
  await page.keyboard.press('Backspace'); // the folder, which was last, goes by where it stands: the first of the chips' order from the end
  await until(async () => (await page.getByRole('group', { name: 'Active' }).getByRole('button', { name: /^Remove/ }).count()) === 2, 'Backspace took one');
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByText('61 recordings', { exact: true }).waitFor();
});

test('nothing found says what was understood, and the way out', async (t) => {
  const page = await opened(t, { hash: '#/?q=a+kitten&min=600' });
  await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
  const main = page.locator('main');
  assert.match(await main.innerText(), /Understood: “kitten”|Understood: “a kitten”/);
  assert.match(await main.innerText(), /Near to it and in the library/);
  await main.getByRole('button', { name: /^Remove: over 10 min/ }).click();
  await until(async () => (await rows(page)).length > 3, 'without the filter there is something');
});

test('a dropped file finds what sounds like it', async (t) => {
  const page = await opened(t);
  const bytes = (await readFile(join(told.sounds, 'animals', 'sheep.flac'))).toString('base64');
  const parcel = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([raw], 'what is it.flac', { type: 'audio/flac' }));
    return transfer;
  }, bytes);
  await page.dispatchEvent('.app', 'dragenter', { dataTransfer: parcel });
  await page.getByPlaceholder('Drop a sound to find what is like it').waitFor();
  await page.dispatchEvent('.app', 'drop', { dataTransfer: parcel });
  await chip(page, 'like what is it.flac').waitFor();
  await until(async () => (await rows(page))[0]?.name === 'sheep.flac', 'the same sound is found first');
  assert.equal(await page.getByRole('grid', { name: 'Moments' }).count(), 1);
  await chip(page, 'like what is it.flac').click();
  await page.getByRole('grid', { name: 'Recordings' }).waitFor();
});

test('a file that is no sound is refused in words', async (t) => {
  const page = await opened(t, { expected: [/\/api\/v1\/uploads/] });
  await page.getByLabel('A sound file to find others like it').setInputFiles({ name: 'letter.wav', mimeType: 'audio/wav', buffer: Buffer.from('Dear all,\n'.repeat(30)) });
  const news = page.getByRole('status').filter({ hasText: 'letter.wav' });
  await news.waitFor();
  assert.doesNotMatch(await news.innerText(), /undefined|null|Error:|\{/);
});

test('the microphone asks as well', async (t) => {
  const page = await opened(t);
  await page.getByRole('button', { name: 'Find sounds like what the microphone hears' }).click();
  await page.getByText('Listening', { exact: true }).waitFor();
  await until(async () => Number((await page.locator('.recording .mono').innerText()).replace(':', '')) >= 1.2, 'it records');
  await page.getByRole('button', { name: 'Find sounds like it' }).click();
  await chip(page, 'like what you recorded').waitFor();
  await until(async () => (await rows(page)).length > 3 && /–/.test((await rows(page))[0].when), 'moments are found');
});

test('like this, not this', async (t) => {
  const page = await opened(t);
  await ask(page, 'church bells');
  await toList(page);
  await page.keyboard.press('x');
  const [first] = await rows(page);
  await page.getByText(/^Left out: /).waitFor();
  await page.keyboard.press('u');
  await until(async () => (await rows(page))[0].name !== first.name, 'undo brings it back');
  const name = (await rows(page)).find((one) => one.active).name;
  await page.keyboard.press('s');
  await chip(page, `like ${name}`).waitFor();
});

test('a tag is there at once, on the server too, and undone with u', async (t) => {
  const page = await opened(t);
  const id = await idOf('cow.flac');
  const given = async () => (await api(`recordings/${id}`)).tags.filter((tag) => tag.source === 'user').map((tag) => tag.value);
  await page.evaluate(() => (location.hash = '#/?format=flac&min=1&max=5'));
  await page.getByText('5 recordings', { exact: true }).waitFor();
  await until(async () => (await rows(page)).some((one) => one.name === 'cow.flac') && (await rows(page)).length === 5, 'the list has the cow');
  await row(page, (await rows(page)).find((one) => one.name === 'cow.flac').index).locator('.what').click();
  await page.keyboard.press('t');
  await page.getByTestId('tag-editor').getByRole('combobox').or(page.getByTestId('tag-editor').getByRole('textbox')).fill('two bells');
  await page.keyboard.press('Enter');
  const shown = () => page.locator('[data-testid=list] .own').allInnerTexts();
  await until(async () => (await shown()).includes('two bells'), 'the row has the tag');
  await until(async () => (await given()).includes('two bells'), 'the server has it');
  const facet = page.getByRole('region', { name: 'Filters' }).getByRole('button', { name: /^two bells/ });
  await facet.waitFor();
  await page.keyboard.press('u');
  await until(async () => !(await given()).length, 'the server has it no more');
  await until(async () => !(await shown()).includes('two bells'), 'nor has the row');
  await facet.waitFor({ state: 'detached' });
});

test('a moment is saved as sound, a list for another program', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'a steam train whistle');
  await toList(page);
  await page.keyboard.press('e');
  const sheet = page.getByTestId('export');
  const one = await saved(page, () => sheet.getByRole('button', { name: 'WAV' }).click());
  const { start, end } = found.data[0];
  assert.match(one.name, /steam train whistle.*\.wav$/);
  assert.ok(Math.abs(wav(one.bytes).seconds - (end - start)) < 0.01, `${wav(one.bytes).seconds} s of ${end - start}`);
  await sheet.waitFor({ state: 'detached' });
  await page.keyboard.press('e');
  await sheet.getByText(/^All /).click();
  const many = await saved(page, () => sheet.getByRole('button', { name: /^raven/ }).click());
  const [head, ...lines] = many.bytes.toString('utf8').trim().split(/\r?\n/).map((line) => line.split('\t'));
  assert.ok(head.includes('Begin Time (s)') && head.includes('Begin Path'), head.join());
  const everything = await api('search', { json: { query: 'a steam train whistle', limit: 500 } });
  assert.equal(lines.length, everything.data.length);
  assert.equal(Number(lines[0][head.indexOf('Begin Time (s)')]).toFixed(2), start.toFixed(2));
  assert.equal(lines[0][head.indexOf('Begin Path')], found.data[0].path);
});

test('show in folder opens the folder on the machine', async (t) => {
  const page = await opened(t);
  const found = await ask(page, 'a doorbell');
  const inspector = page.getByTestId('inspector');
  await inspector.getByRole('heading', { name: found.data[0].name }).waitFor();
  await inspector.getByRole('button', { name: 'Show in folder' }).click();
  const folder = found.data[0].path.replace(/\/[^/]*$/, '');
  await until(async () => (await readFile(told.revealed, 'utf8').catch(() => '')).split('\n').includes(folder), `${folder} was opened`);
});

test('rows are chosen, and several tagged in one go', async (t) => {
  const page = await opened(t);
  await ask(page, 'piano');
  await toList(page);
  await page.keyboard.press('c');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('3 selected').waitFor();
  await page.getByRole('button', { name: 'None' }).click();
  await page.getByText('3 selected').waitFor({ state: 'detached' });
});

test('all keys are on a sheet', async (t) => {
  const page = await opened(t);
  await toList(page);
  await page.keyboard.press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys' });
  await sheet.getByText('Next, previous moment in this recording').waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  assert.ok(await list(page).isVisible());
});
