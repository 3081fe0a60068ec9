// From moments that were picked to a kind of sound that is known: taught, asked about, answered, taken back, forgotten.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, ask, opened, sound, toList, until } from './browser.mjs';

const asked = (page) => page.getByRole('region', { name: 'What it is unsure of' });
const name = (page) => asked(page).locator('.what a').innerText();
/** A key that is an answer, and what the server makes of it. */
async function answer(page, key) {
  const told = page.waitForResponse((response) => response.url().includes('/answers') && response.request().method() === 'POST');
  const next = page.waitForResponse((response) => response.url().includes('/uncertain'));
  await page.keyboard.press(key);
  const head = await (await told).json();
  await next;
  return head;
}

test('picked moments are taught, and every answer counts at once', async (t) => {
  const page = await opened(t, { keep: { preview: false } });
  await ask(page, 'an animal');
  await toList(page);
  for (const key of ['c', 'ArrowDown', 'c', 'ArrowDown', 'c']) await page.keyboard.press(key);
  await page.getByText('3 selected').waitFor();
  await page.getByRole('button', { name: 'Teach' }).click();
  await page.getByLabel('What is it that you hear in these 3 moments?').fill('an animal');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'an animal', exact: true }).waitFor();
  await asked(page).getByRole('heading', { name: 'Is this' }).waitFor();
  assert.ok((await page.evaluate(() => location.hash)).startsWith('#/teach/an-animal'));
  const begun = await api('taught/an-animal');
  assert.equal(begun.examples.length, 3);

  await page.keyboard.press(' ');
  await until(async () => (await sound(page)).level > 1e-4, 'space plays the moment');
  await page.keyboard.press(' ');

  const first = await name(page);
  const no = await answer(page, 'n');
  assert.deepEqual(no.examples[0].labels, { 'an animal': false });
  assert.equal(no.examples[0].name, first);
  assert.equal(no.history.length, begun.history.length + 1);
  await page.getByText('not an animal').first().waitFor();
  const yes = await answer(page, 'y');
  assert.equal(yes.examples.length, 5);

  const second = yes.examples[0].name;
  await page.keyboard.press('u');
  await until(async () => (await api('taught/an-animal')).examples.length === 4, 'an answer is taken back');
  await until(async () => (await name(page)) === second, 'and asked again');
  const when = () => asked(page).locator('.what').innerText();
  const before = await when();
  await page.keyboard.press('j');
  await until(async () => (await when()) !== before, 'what cannot be told is passed over');
  assert.equal((await api('taught/an-animal')).examples.length, 4);
});

test('what was taught is listed, and can be forgotten', async (t) => {
  const page = await opened(t, { hash: '#/teach' });
  await page.getByRole('link', { name: 'an-animal' }).click();
  await page.getByRole('heading', { name: 'an animal', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Forget it' }).click();
  await page.getByText('Forgotten: an-animal').waitFor();
  assert.deepEqual((await api('taught')).data, []);
});

test('one that is not there is said', async (t) => {
  const page = await opened(t, { hash: '#/teach/nothing', expected: [/404/] });
  await page.getByText('There is no taught head of that name.').waitFor();
});
