// A real Chromium on a real server, and what each flow has in common: nothing may leave this machine, break the
// Content-Security-Policy or end on the console. What is heard is measured at the page's output, not believed.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

/** What the tests were told: url (with its token), chromium, sounds, folder, … (tests/page/test_in_chromium.py). */
export const told = JSON.parse(process.env.AURICLE_E2E ?? '{}');
export const origin = told.url ? new URL(told.url).origin : '';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: told.chromium, args: ARGUMENTS });
});
after(() => browser?.close());

/** Runs in the page before its own code. */
function probe() {
  const heard = { voices: [], meters: [], violations: [], keys: [], began: [] };
  window.heard = heard;
  addEventListener('securitypolicyviolation', (event) => heard.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
  addEventListener('keydown', (event) => heard.keys.push({ key: event.key, at: event.timeStamp }), true);
  const RealAudio = window.Audio;
  window.Audio = function Audio(...given) {
    const voice = new RealAudio(...given);
    heard.voices.push(voice);
    const { play } = voice;
    let from = 0;
    voice.play = () => {
      from = voice.currentTime;
      return play.call(voice);
    };
    voice.addEventListener('playing', (event) => heard.began.push({ at: event.timeStamp, position: from, src: voice.src }));
    return voice;
  };
  window.Audio.prototype = RealAudio.prototype;
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...more) {
    if (to instanceof AudioDestinationNode) {
      const meter = new AnalyserNode(to.context, { fftSize: 512 });
      heard.meters.push(meter);
      connect.call(this, meter);
    }
    return connect.call(this, to, ...more);
  };
  const samples = new Float32Array(512);
  /** The loudest sample that goes out now. */
  heard.level = () => {
    let most = 0;
    for (const meter of heard.meters) {
      meter.getFloatTimeDomainData(samples);
      for (const sample of samples) most = Math.max(most, Math.abs(sample));
    }
    return most;
  };
  /** Canvases below an element, those of shadow roots too. */
  heard.canvases = (root) => [
    ...root.querySelectorAll('canvas'),
    ...[...root.querySelectorAll('*')].flatMap((element) => (element.shadowRoot ? heard.canvases(element.shadowRoot) : [])),
  ];
  /** How many columns of a canvas have something in them. */
  heard.columns = (canvas) => {
    if (!canvas.width || !canvas.height) return 0;
    const { data, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Set();
    for (let i = 3; i < data.length; i += 4) if (data[i] > 40) columns.add(((i - 3) / 4) % width);
    return columns.size;
  };
  heard.now = () => heard.voices.find((voice) => !voice.paused);
}

/**
 * A page of the server, ready. `library`: which one; `hash`: where; `expected`: what the console may say.
 * The test fails if the page did what no page may do.
 */
export async function opened(t, { library, hash = '', width = 1600, height = 1000, theme = 'light', expected = [], keep = {}, ...more } = {}) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: 'no-preference',
    acceptDownloads: true,
    permissions: ['microphone', 'clipboard-read', 'clipboard-write'],
    ...more,
  });
  context.setDefaultTimeout(15_000);
  const said = [];
  const away = [];
  await context.addInitScript(probe);
  await context.addInitScript(
    (kept) => Object.entries(kept).forEach(([key, value]) => localStorage.getItem(key) ?? localStorage.setItem(key, value)),
    Object.fromEntries(Object.entries({ ...(library ? { library } : {}), ...keep }).map(([key, value]) => [`auricle.${key}`, JSON.stringify(value)])),
  );
  const page = await context.newPage();
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && said.push(`${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => said.push(String(error.stack ?? error)));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== origin) away.push(request.url());
  });
  t.after(async () => {
    const violations = await page.evaluate(() => window.heard?.violations ?? []).catch(() => []);
    await context.close();
    assert.deepEqual(away, [], 'requests left this machine');
    assert.deepEqual(violations, [], "against the page's Content-Security-Policy");
    const own = /willReadFrequently/; // these tests look at canvases oftener than any page
    const surprising = said.filter((text) => !own.test(text)).filter((text) => !expected.some((pattern) => pattern.test(text)));
    assert.deepEqual(surprising, [], 'the console complained');
  });
  await page.goto(`${told.url}${hash}`); // the way to what comes behind # outlives the redirection
  await page.locator('main').waitFor();
  return page;
}

// -- the list

export const list = (page) => page.getByTestId('list');
/** Rows that exist in the page, by their number. */
export const rows = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('[data-testid=list] .slot [role=row]')]
      .map((row) => ({
        index: Number(row.getAttribute('aria-rowindex')) - 1,
        label: row.getAttribute('aria-label'),
        name: row.querySelector('.name')?.textContent ?? '',
        when: row.querySelector('.when')?.textContent ?? '',
        active: row.classList.contains('active'),
      }))
      .sort((a, b) => a.index - b.index),
  );
export const row = (page, index) => page.locator(`[data-testid=list] [role=row][aria-rowindex="${index + 1}"]`);
export const chip = (page, text) => page.getByRole('group', { name: 'Active' }).getByRole('button', { name: `Remove: ${text}` });

/** Ask with the keyboard, and wait for what is found. */
export async function ask(page, words) {
  const answer = page.waitForResponse((response) => {
    const request = response.request();
    return new URL(response.url()).pathname === '/api/v1/search' && request.method() === 'POST' && request.postDataJSON().query === words;
  });
  await page.keyboard.press('/');
  await page.getByTestId('query').fill(words);
  await page.keyboard.press('Enter');
  const found = await (await answer).json();
  await page.getByRole('grid', { name: 'Moments' }).waitFor();
  await until(async () => found.data.length === 0 || (await rows(page))[0]?.name === found.data[0].name, `${words}: the list shows what was found`);
  return found;
}
/** The list has the keyboard. */
export async function toList(page) {
  await list(page).focus();
}

// -- listening

/** What the page's sound does now. */
export const sound = (page) =>
  page.evaluate(() => {
    const voice = window.heard.now();
    return {
      playing: voice !== undefined,
      voices: window.heard.voices.filter((one) => !one.paused).length,
      position: voice?.currentTime ?? null,
      src: voice?.src ?? null,
      level: window.heard.level(),
    };
  });
/** Press a key; how long until the sound began (by its first sample at the output), and where in the file. */
export async function begun(page, key) {
  await page.evaluate((key) => {
    const { heard } = window;
    heard.began.length = 0;
    heard.keys.length = 0;
    heard.first = new Promise((done, fail) => {
      const started = performance.now();
      const look = () => {
        const pressed = heard.keys.find((one) => one.key === key);
        const now = performance.now();
        if (pressed && heard.began.length && heard.level() > 1e-4) done({ heard: now - pressed.at, event: heard.began[0].at - pressed.at, ...heard.began[0] });
        else if (now - started > 10_000) fail(new Error(`no sound within 10 s of ${key}`));
        else setTimeout(look, 2);
      };
      look();
    });
  }, key === 'Space' ? ' ' : key);
  await page.keyboard.press(key);
  return page.evaluate(() => window.heard.first);
}

// -- looking

/** Share of a canvas's pixels that are painted. */
export const painted = (locator) =>
  locator.evaluate((canvas) => {
    const context = canvas.getContext('2d');
    if (!context || !canvas.width || !canvas.height) return 0;
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) n += 1;
    return n / (data.length / 4);
  });

export async function until(what, words, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const got = await what();
    if (got) return got;
    if (Date.now() > end) throw new assert.AssertionError({ message: `not within ${seconds} s: ${words}` });
    await new Promise((done) => setTimeout(done, 20));
  }
}

// -- the server, asked as a program on this machine

export async function api(path, { library, json, method = json ? 'POST' : 'GET' } = {}) {
  const url = new URL(`/api/v1/${path}`, origin);
  if (library) url.searchParams.set('library', library);
  const response = await fetch(url, { method, headers: json ? { 'Content-Type': 'application/json' } : {}, body: json && JSON.stringify(json) });
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${response.ok ? '' : await response.text()}`);
  return response.json();
}
export async function idOf(name, library) {
  const { data } = await api(`recordings?limit=500`, { library });
  const found = data.find((one) => one.name === name);
  assert.ok(found, `${name} is in the library`);
  return found.id;
}

// -- files

/** Press something that saves a file; gives its name and bytes. */
export async function saved(page, press) {
  const coming = page.waitForEvent('download');
  await press();
  const download = await coming;
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}
/** The parts of a WAV that tests ask about. */
export function wav(bytes) {
  assert.equal(bytes.toString('latin1', 0, 4), 'RIFF');
  let at = 12;
  const chunks = {};
  while (at + 8 <= bytes.length) {
    const size = bytes.readUInt32LE(at + 4);
    chunks[bytes.toString('latin1', at, at + 4)] = { at: at + 8, size };
    at += 8 + size + (size % 2);
  }
  const format = chunks['fmt '].at;
  const rate = bytes.readUInt32LE(format + 4);
  const frame = bytes.readUInt16LE(format + 12);
  return { rate, seconds: chunks.data.size / frame / rate };
}

/** A figure that is reported, not only asserted. */
export const figure = (t, words) => t.diagnostic(`figure: ${words}`);
