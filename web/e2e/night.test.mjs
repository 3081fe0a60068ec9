// Ten hours in one file: it starts at the moment, and its page opens, at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, begun, figure, idOf, opened, painted, row, rows, sound, toList, told, until } from './browser.mjs';

test('a file of ten hours starts at the moment', async (t) => {
  const page = await opened(t, { library: 'night' });
  const parts = [];
  page.on('response', async (response) => {
    if (new URL(response.url()).pathname.endsWith('/audio')) parts.push({ status: response.status(), range: response.request().headers().range, length: Number(response.headers()['content-length']) });
  });
  const found = await ask(page, 'a dog barking');
  const [moment] = found.data;
  assert.ok(moment.start <= told.bark && moment.end > told.bark, `${moment.start} – ${moment.end}`);
  assert.match((await rows(page))[0].when, /^\s*3:12:40 – /);
  await toList(page);
  const got = await begun(page, 'Space');
  figure(t, `ten hours: first sound ${got.heard.toFixed(0)} ms after the key (begun after ${got.event.toFixed(0)} ms, the bark is 0.7 s on), at ${got.position.toFixed(1)} s`);
  assert.ok(got.heard < 3000, `${got.heard} ms`);
  assert.ok(Math.abs(got.position - (moment.start - 0.3)) < 0.02, `at ${got.position}, the moment is at ${moment.start}`);
  assert.ok((await sound(page)).position > told.bark - 1);
  assert.ok(parts.length > 0 && parts.every((part) => part.status === 206), JSON.stringify(parts));
  assert.ok(parts.some((part) => Number(part.range?.match(/bytes=(\d+)/)?.[1]) > 100_000_000), 'asked for from the middle of the file');
});

test('its page opens with the whole waveform', async (t) => {
  const page = await opened(t, { library: 'night' });
  await ask(page, 'a dog barking');
  await toList(page);
  await until(async () => (await painted(row(page, 0).locator('canvas'))) > 0.01, 'the row shows the recording');
  const opening = page.evaluate(
    () =>
      new Promise((done) => {
        const look = () => {
          const stage = document.querySelector('[data-testid=stage]');
          const drawn = stage ? window.heard.canvases(stage).filter((canvas) => window.heard.columns(canvas) > 100) : [];
          if (drawn.length >= 2) requestAnimationFrame(() => done(performance.now() - window.heard.keys.findLast((one) => one.key === 'Enter').at));
          else requestAnimationFrame(look);
        };
        look();
      }),
  );
  await page.keyboard.press('Enter');
  const spent = await opening;
  figure(t, `ten hours: the recording page is drawn ${spent.toFixed(0)} ms after Enter`);
  assert.ok(spent < 2000, `${spent} ms`);
  await page.getByRole('heading', { name: 'night.wav' }).waitFor();
  await page.getByRole('heading', { name: /Found for.*a dog barking/ }).waitFor();
  await page.getByTestId('found').getByRole('listitem').first().waitFor();
  const used = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  assert.ok(used < 100e6, `${used} bytes in use: the file is never decoded whole in the browser`);
  await begun(page, 'Space');
  assert.ok(Math.abs((await sound(page)).position - told.bark) < 2, 'the found moment plays');
});

test('ten hours are listened to meanwhile, and nothing waits for it', async (t) => {
  const page = await opened(t, { library: 'night', hash: `#/recording/${await idOf('night.wav', 'night')}` });
  await page.getByTestId('listen-for').fill('a dog barking');
  await page.keyboard.press('Enter');
  await page.getByText(/^Listened to [\d:]+ of 10:00:00/).waitFor();
  await page.getByRole('heading', { name: 'night.wav' }).click();
  const pressed = Date.now();
  await page.keyboard.press('Space');
  await until(async () => (await sound(page)).playing, 'it plays meanwhile');
  figure(t, `ten hours: while it is listened to, sound begins ${Date.now() - pressed} ms after the key`);
  await page.keyboard.press('Space');
  const slider = page.getByRole('slider', { name: 'Least probability of an event' });
  await slider.fill('0.3');
  const block = page.getByTestId('lane').locator('[data-event]').first();
  await block.waitFor({ timeout: 120_000 }); // as soon as it is heard, not at the end
  const begun = Date.now();
  assert.match(await block.getAttribute('title'), /^a dog barking · 3:12:/);
  await page.getByText(/^\d+ events? heard$/).or(page.getByRole('button', { name: 'Stop', exact: true })).first().waitFor();
  figure(t, `ten hours: the bark is shown while ${(await page.getByRole('progressbar', { name: 'Listening' }).count()) ? 'listening goes on' : 'nothing is left to hear'} (${Date.now() - begun} ms)`);
});
