// What is said of a recording: captions along its time, answers to questions, and the spans that support them. The real model speaks
// where only the way counts; where it counts what is said, the server's lines are written here.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { api, idOf, opened, sound, until } from './browser.mjs';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const lines = (...all) => all.map((line) => `${JSON.stringify(line)}\n`).join('');
const span = (claim, start, end, score = 0.8) => ({ claim, start, end, score });
const TIMELINE = [
  { duration: 40, model: 'tiny-heads@1' },
  { captions: [{ start: 0, end: 12, caption: 'A dog barks.', evidence: [span('A dog barks', 8.2, 12)], unsupported: ['a helicopter flies'] }], heard_to: 12 },
  { captions: [{ start: 12, end: 24, caption: 'Church bells ring <img src=x onerror=alert(1)>.', evidence: [span('Church bells ring', 18, 24)] }], heard_to: 24 },
  { captions: [{ start: 24, end: 40, caption: 'A siren wails over bells.', evidence: [span('A siren wails', 25, 32, 0.93), span('bells', 24, 30, 0.4)] }], heard_to: 40 },
  { heard_to: 40, done: true, summary: { summary: 'a dog barks, then church bells ring, then a siren wails', sounds: [] }, stored: true },
];
const ANSWER = {
  question: 'what happens after the dog?', answer: 'church bells ring, then an owl hoots', evidence: [span('church bells ring', 18, 29.5), span('church bells ring', 30, 31)],
  unsupported: ['an owl hoots'], cannot_tell: false, start: 12, end: 24, model: 'tiny-heads@1',
};
const answered = (answer) => lines({ piece: 'church bells' }, { piece: ' ring' }, { answer: { ...ANSWER, ...answer } });

async function opens(t, more = {}) {
  const id = await idOf('street.wav', 'scene');
  const page = await opened(t, { library: 'scene', hash: `#/recording/${id}`, keep: { preview: false }, ...more });
  await page.getByTestId('ask').waitFor();
  return page;
}
const says = (page, call, body) => page.route(`**/api/v1/${call}*`, (route) => route.fulfill({ contentType: 'application/jsonl', body: typeof body === 'function' ? body(route.request().postDataJSON()) : body }));
const told = (page) => says(page, 'captions', lines(...TIMELINE));
const caption = (page, n) => page.locator('[data-testid=captions] [data-caption]').nth(n);
async function captioned(page) {
  await told(page);
  const anew = page.getByRole('button', { name: 'Caption anew' });
  await page.getByTestId('caption-it').or(anew).first().click();
  await page.getByTestId('summary').waitFor();
}
async function asks(page, words) {
  await page.keyboard.press('q');
  await page.getByTestId('ask').fill(words);
  await page.keyboard.press('Enter');
}
const playing = async (page, from, to, words) => until(async () => { const now = await sound(page); return now.playing && now.position >= from - 0.1 && now.position < to ? now : null; }, words);


test('the recording is captioned by the real model, and that is kept', async (t) => {
  const page = await opens(t);
  await page.getByTestId('caption-it').or(page.getByRole('button', { name: 'Caption anew' })).first().click();
  await page.getByText('Kept with the library’s texts, where search finds them.').waitFor({ timeout: 60_000 });
  const { texts } = await api(`recordings/${await idOf('street.wav', 'scene')}`, { library: 'scene' });
  const kept = texts.filter((text) => text.source === 'caption');
  const shown = await page.locator('[data-testid=captions] [data-caption]').all();
  assert.ok(shown.length >= Math.max(1, kept.length), `${shown.length} shown, ${kept.length} kept`);
  assert.equal(await shown[0].getAttribute('data-caption').then((key) => key.startsWith('0-')), true);
  await page.reload();
  await page.getByTestId('ask').waitFor();
  if (kept.length) await until(async () => (await page.locator('[data-testid=captions] [data-caption]').count()) === kept.length, 'they are there again');
  else await page.getByTestId('caption-it').waitFor();
  assert.equal(await page.getByRole('heading', { name: /^Words in it/ }).count(), 0, 'what is said of it is not said in it');
});

test('a question is answered by the real model', async (t) => {
  const page = await opens(t);
  await asks(page, 'is a dog barking?');
  const answer = page.getByTestId('answers').locator('.answer:not(.now)');
  await answer.waitFor({ timeout: 30_000 });
  const own = await api('ask', { library: 'scene', json: { clip: { recording_id: await idOf('street.wav', 'scene') }, question: 'is a dog barking?' } });
  assert.equal((await answer.textContent()).toLowerCase(), own.answer.toLowerCase());
});

test('captions lie along the time, play exactly themselves, and say what has no evidence', async (t) => {
  const page = await opens(t);
  await captioned(page);
  assert.equal(await page.locator('[data-testid=captions] [data-caption]').count(), 3);
  const axis = await page.getByTestId('plane').boundingBox();
  const box = await caption(page, 1).boundingBox();
  assert.ok(Math.abs(box.x - (axis.x + (axis.width * 12) / 40)) < 3 && Math.abs(box.width - (axis.width * 12) / 40) < 5, JSON.stringify(box));
  const one = page.getByTestId('caption');
  await one.getByText('A dog barks.', { exact: true }).waitFor(); // the play head is in it
  await one.getByText('no evidence').waitFor();
  assert.match(await caption(page, 0).getAttribute('aria-label'), /without evidence: a helicopter flies/);
  assert.equal((await caption(page, 0).textContent()).startsWith('?'), true, 'not by colour alone');
  assert.equal((await caption(page, 1).textContent()).startsWith('?'), false);
  assert.equal(await page.locator('img[src=x]').count(), 0, 'what is said is text');

  await caption(page, 1).click();
  await playing(page, 12, 24, 'it plays from its beginning');
  await one.getByText('Church bells ring').first().waitFor();
  await page.keyboard.press('Space'); // on the button: pauses
  await until(async () => !(await sound(page)).playing, 'and pauses');
  await page.keyboard.press('ArrowRight');
  await until(async () => (await page.evaluate(() => document.activeElement?.getAttribute('data-caption'))) === '24-40', 'an arrow goes to the next');
  await one.getByText('A siren wails over bells.').waitFor();
  await page.getByText('a dog barks, then church bells ring, then a siren wails').waitFor();
});

test('evidence shows on the waveform and plays exactly its span', async (t) => {
  const page = await opens(t);
  await says(page, 'ask/stream', answered());
  await asks(page, 'what happens after the dog?');
  const answers = page.getByTestId('answers');
  await answers.getByText('Church bells ring, then an owl hoots').waitFor();
  await answers.getByText('no evidence').waitFor();
  await answers.getByText('Heard from').waitFor(); // a piece, not the whole
  const lit = () => page.locator('[data-testid=plane] > i.lit').count();
  assert.equal(await lit(), 2, 'all evidence of the answer');
  const chip = answers.locator('[data-span="30-31"]');
  await chip.hover();
  await until(async () => (await lit()) === 1, 'the one that is pointed at');
  const axis = await page.getByTestId('plane').boundingBox();
  const box = await page.locator('[data-testid=plane] > i.lit').boundingBox();
  assert.ok(Math.abs(box.x - (axis.x + (axis.width * 30) / 40)) < 3, JSON.stringify(box));
  await chip.click();
  await playing(page, 30, 31.2, 'it plays the span');
  await until(async () => !(await sound(page)).playing, 'and ends with it', 4);
  await chip.focus();
  await page.keyboard.press('Enter');
  await playing(page, 30, 31.2, 'the keyboard plays it, too');
});

test('a question about the selection asks of no more than that', async (t) => {
  const page = await opens(t);
  const asked = [];
  await says(page, 'ask/stream', (body) => (asked.push(body), answered({ start: body.clip.start ?? 0, end: body.clip.end ?? 40, evidence: [], unsupported: [] })));
  await asks(page, 'what is it?');
  await page.getByTestId('answers').locator('.answer').first().waitFor();
  const plane = await page.getByTestId('plane').boundingBox();
  await page.mouse.move(plane.x + plane.width * 0.2, plane.y + 40);
  await page.mouse.down();
  await page.mouse.move(plane.x + plane.width * 0.35, plane.y + 40, { steps: 4 });
  await page.mouse.up();
  const about = page.getByRole('button', { name: /^about the selection/ });
  assert.equal(await about.getAttribute('aria-pressed'), 'true');
  await asks(page, 'and here?');
  await until(() => asked.length === 2, 'it is asked');
  await about.click();
  await asks(page, 'and in all?');
  await until(() => asked.length === 3, 'it is asked');
  assert.deepEqual(asked.map(({ clip }) => [Math.round(clip.start ?? -1), Math.round(clip.end ?? -1)]), [[-1, -1], [8, 14], [-1, -1]]);
  const first = page.getByTestId('answers').locator('li.question, li').first();
  assert.match(await first.textContent(), /^and in all\?/, 'the newest stands first');
});

test('what is no question is said in place; a long one keeps its words', async (t) => {
  const page = await opens(t);
  let asked = 0;
  page.on('request', (request) => request.url().includes('/ask') && (asked += 1));
  await asks(page, '  ?! ');
  await page.getByText('Write a question first').waitFor();
  await asks(page, 'word '.repeat(10_000));
  await page.getByText('The question has 49,999 characters; 2,000 are read.').waitFor();
  assert.equal((await page.getByTestId('ask').inputValue()).length, 50_000);
  assert.equal(await page.getByTestId('ask').getAttribute('aria-invalid'), 'true');
  assert.equal(asked, 0);
  await page.getByTestId('ask').fill('a');
  await page.getByText('The question has').waitFor({ state: 'detached' });
});

test('what goes wrong is one line with a way out; both can be stopped', async (t) => {
  const page = await opens(t, { expected: [/ERR_|Failed to load|api\/v1|health/] });
  await page.context().setOffline(true);
  await asks(page, 'what is it?');
  const answers = page.getByTestId('answers');
  await answers.getByRole('alert').getByText('The server does not answer.').waitFor();
  await page.context().setOffline(false);
  await says(page, 'ask/stream', answered());
  await answers.getByRole('button', { name: 'Try again' }).click();
  await answers.getByText('Church bells ring, then an owl hoots').waitFor();
  assert.equal(await answers.locator('li').first().locator('..').locator('> li').count(), 1);

  await page.route('**/api/v1/ask/stream*', () => undefined); // it never answers
  await asks(page, 'and then?');
  await answers.getByText('Listening', { exact: true }).waitFor();
  await answers.getByRole('button', { name: 'Stop', exact: true }).click();
  await answers.getByText('Stopped.').waitFor();

  const problem = { status: 409, code: 'library_read_only', title: '', detail: 'the library cannot be written to.', hint: 'Check its permissions.', retryable: false, request_id: '' };
  await says(page, 'captions', lines(...TIMELINE.slice(0, 3), { problem }));
  await page.getByTestId('caption-it').or(page.getByRole('button', { name: 'Caption anew' })).first().click();
  await page.getByRole('alert').getByText('The library cannot be written to.').waitFor();
  assert.equal(await page.locator('[data-testid=captions] [data-caption]').count(), 2, 'what was said stays');
  await page.route('**/api/v1/captions*', () => undefined);
  await page.getByRole('region', { name: 'Captions' }).getByRole('button', { name: 'Try again' }).click();
  await page.getByText(/^Listened to 0:00 of 0:40/).waitFor();
  await page.getByRole('region', { name: 'Captions' }).getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByText('Stopped at 0:00.').waitFor();
});

for (const theme of ['light', 'dark'])
  for (const [width, height] of [[390, 844], [1024, 768], [1600, 1000]])
    test(`${theme}, ${width} px: it fits, axe finds nothing`, async (t) => {
      const page = await opens(t, { theme, width, height, bypassCSP: true });
      await captioned(page);
      await says(page, 'ask/stream', answered());
      await asks(page, 'what happens after the dog?');
      await page.getByTestId('answers').getByText('no evidence').waitFor();
      const { scrollWidth, clientWidth } = await page.evaluate(() => { const { scrollWidth, clientWidth } = document.querySelector('main .scroll'); return { scrollWidth, clientWidth }; });
      assert.equal(scrollWidth, clientWidth);
      for (const one of await page.locator('.told button:not([data-caption]), .told p:not(.unseen), .asking button, .asking p:not(.unseen), .asking input').all()) {
        const box = await one.boundingBox();
        if (box && box.width > 1) assert.ok(box.x >= -0.5 && box.x + box.width <= width + 0.5, `${await one.textContent()}: ${JSON.stringify(box)}`);
      }
      await page.addScriptTag({ path: axe });
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes.slice(0, 2).map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`), []);
    });
