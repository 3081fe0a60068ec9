// From nothing to a library: a folder is added and heard, failures have reasons, another model hears it again, beside.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { api, ask, opened, rows, told, until } from './browser.mjs';

const open = (t, hash = '#/library') => opened(t, { library: 'fresh', hash, expected: [/\/api\/v1\/(search|recordings|facets)/] });
const info = async () => (await api('libraries')).find((one) => one.id === 'fresh');

test('an empty library says what to do', async (t) => {
  const page = await open(t, '');
  await page.getByRole('heading', { name: 'Nothing to hear yet' }).waitFor();
  await page.getByRole('link', { name: 'Choose a folder' }).click();
  await page.getByTestId('add-folder').waitFor();
});

test('a folder is added, its progress is seen to the end, and it can be searched', async (t) => {
  const page = await open(t);
  await page.getByTestId('add-folder').click();
  const browser = page.getByTestId('folder-browser');
  await browser.getByLabel('Folder on this machine').fill(told.folder);
  await browser.getByRole('button', { name: 'Look' }).click();
  await browser.getByRole('button', { name: /^incoming/ }).click();
  await until(async () => (await browser.getByLabel('Folder on this machine').inputValue()) === told.incoming, 'the folder is gone into');
  await browser.getByText('2 sounds here').waitFor();
  await page.evaluate(() => {
    window.progress = [];
    new MutationObserver(() => {
      const bar = document.querySelector('[role=progressbar]');
      const said = bar?.getAttribute('aria-valuetext');
      if (said && said !== window.progress.at(-1)) window.progress.push(said);
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await page.getByTestId('choose-folder').click();
  await page.getByRole('progressbar').first().waitFor();
  await until(async () => (await info()).recordings === 22 && (await info()).job === null, 'all of it is heard', 60);
  await page.getByText(/^22 recordings/).first().waitFor();
  await until(async () => (await page.getByRole('progressbar').count()) === 0, 'the progress goes away');
  const said = await page.evaluate(() => window.progress);
  assert.ok(said.some((words) => /Listening to \d+ of \d+|Looking for sounds/.test(words)), said.join(' | '));
  assert.equal(await page.getByTestId('roots').getByRole('listitem').count(), 1);
  await ask(page, 'a siren');
  assert.equal((await rows(page))[0].name, 'siren.ogg');
});

test('files that could not be heard have a reason in words, and another chance', async (t) => {
  const page = await open(t);
  await page.getByText('2 files could not be heard.').waitFor();
  await page.getByTestId('show-failures').click();
  const shown = page.getByTestId('failures');
  await until(async () => (await shown.getByRole('listitem').count()) === 2, 'both are listed');
  const said = await shown.innerText();
  assert.match(said, /shopping list\.wav/);
  assert.match(said, /nothing\.flac/);
  assert.doesNotMatch(said, /Traceback|Error\(|undefined|null|AVERROR/);
  for (const item of await shown.getByRole('listitem').all()) assert.ok((await item.innerText()).split('\n').filter(Boolean).length >= 3, 'name, folder and reason');
  await rm(join(told.incoming, 'nothing.flac'));
  await page.getByTestId('retry-failed').click();
  await until(async () => (await info()).failures === 1 && (await info()).job === null, 'what is mended is not listed any more', 30);
});

test('another model hears it again, beside; switched and back with undo', async (t) => {
  const page = await open(t);
  const before = await info();
  await page.getByTestId('reindex').click();
  await page.getByLabel('Model', { exact: true }).selectOption({ label: told.model });
  await page.getByRole('button', { name: 'Hear everything again' }).click();
  await until(async () => (await info()).beside_state === 'ready', 'it has heard everything', 60);
  assert.equal((await info()).model, before.model, 'nothing changes until it is switched');
  await page.getByTestId('switch').click();
  await until(async () => (await info()).model === told.model, 'switched');
  await page.getByRole('button', { name: 'Switch back' }).waitFor();
  await ask(page, 'a siren');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('u');
  await until(async () => (await info()).model === before.model, 'u switches back');
});

test('a folder is taken out only after a question', async (t) => {
  const page = await open(t);
  await page.getByRole('button', { name: `Take ${told.incoming} out of the library` }).click();
  await page.getByText('the files stay').waitFor();
  await page.getByRole('button', { name: 'Keep' }).click();
  assert.equal((await info()).recordings, 22);
  await page.getByRole('button', { name: `Take ${told.incoming} out of the library` }).click();
  await page.getByTestId('remove-yes').click();
  await until(async () => (await info()).recordings === 0, 'it is taken out');
});
