// One voice at a time: <audio> → gain → the browser's output. Fades of 15 ms, loudness matched, never boosted over −1 dBFS.
// There are three <audio> elements, so that the rows next to the one that plays are ready when the arrow key comes.

import { api } from './api';
import { keep, kept } from './kept';
import { peaks } from './peaks';

export interface Track {
  id: number;
  name: string;
  folder: string;
  duration: number;
  format: string;
  /** The moment; the whole recording is 0…duration. */
  start: number;
  end: number;
}

const FADE = 0.015;
const LEAD = 0.3;
const TARGET = -20;
const CEILING = -1;
/** What browsers do not play themselves: the server makes a WAV of it. */
const FOREIGN = new Set(['aiff', 'aif', 'aifc', 'caf', 'w64', 'rf64', 'au', 'wma', 'wv', 'ape', 'mkv', 'avi']);

class Voice {
  readonly audio = new Audio();
  gain: GainNode | null = null;
  /** The recording whose sound it holds. */
  id: number | null = null;
  asWav = false;
  used = 0;

  load(track: Track, at: number, asWav = FOREIGN.has(track.format.toLowerCase())): void {
    this.id = track.id;
    this.asWav = asWav;
    this.audio.src = api.audioUrl(track.id, asWav ? 'wav' : undefined);
    this.audio.currentTime = at;
  }
  seek(at: number): void {
    if (Math.abs(this.audio.currentTime - at) > 0.004) this.audio.currentTime = at;
  }
}

const wait = (seconds: number): Promise<void> => new Promise((done) => setTimeout(done, seconds * 1000));

class Player {
  track = $state.raw<Track | null>(null);
  playing = $state(false);
  position = $state(0);
  loop = $state(false);
  loading = $state(false);
  failed = $state<string | null>(null);
  volume = $state(kept('volume', 1));
  /** Play every sound equally loud. */
  matched = $state(kept('matched', true));
  /** What matching does to this track, in dB; null while unknown. */
  matching = $state<number | null>(null);
  /** Play rows as they are arrowed over. */
  preview = $state(kept('preview', true));
  private readonly voices = [new Voice(), new Voice(), new Voice()] as const;
  private voice: Voice = this.voices[0];
  private context: AudioContext | null = null;
  private turn = 0;
  private frame = 0;
  private looping = false;

  constructor() {
    for (const voice of this.voices) {
      const { audio } = voice;
      const heard = (act: () => void) => () => {
        if (voice === this.voice) act();
      };
      audio.preload = 'auto';
      audio.addEventListener(
        'playing',
        heard(() => {
          this.loading = false;
          this.fade(1);
          this.follow();
        }),
      );
      audio.addEventListener('waiting', heard(() => (this.loading = true)));
      audio.addEventListener(
        'seeked',
        heard(() => {
          this.position = audio.currentTime;
          if (!audio.paused) this.fade(1);
        }),
      );
      audio.addEventListener(
        'ended',
        heard(() => {
          this.playing = false;
          if (this.loop) void this.again();
        }),
      );
      audio.addEventListener('error', () => (voice === this.voice ? void this.fallBack() : (voice.id = null)));
    }
  }

  /** The element that is heard. */
  get audio(): HTMLAudioElement {
    return this.voice.audio;
  }

  /** Start a track 0.3 s before its moment, or where it is told. */
  async play(track: Track, from?: number): Promise<void> {
    const turn = ++this.turn;
    const at = Math.max(0, from ?? track.start - LEAD);
    this.wake();
    const next = this.take(track);
    if (next !== this.voice) this.retire(this.voice);
    this.voice = next;
    this.failed = null;
    this.track = track;
    this.playing = true;
    this.position = at;
    this.matching = null;
    void this.match(track, turn);
    if (!next.audio.paused) {
      this.fade(0);
      await wait(FADE);
      if (turn !== this.turn) return;
    }
    this.set(0);
    if (next.id === track.id) next.seek(at);
    else next.load(track, at);
    this.loading = next.audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    await this.begin(turn);
  }

  /** Hold a track ready at a time, silent: the next press plays it. What plays is not disturbed. */
  cue(track: Track, at: number): void {
    if (this.playing) return;
    this.turn += 1;
    this.voice = this.take(track);
    this.failed = null;
    this.loading = false;
    this.track = track;
    this.position = at;
    this.matching = null;
    void this.match(track, this.turn);
    if (this.voice.id === track.id) this.voice.seek(at);
    else this.voice.load(track, at);
  }

  /** What may be asked for next: load it in a voice that is not heard. */
  ready(track: Track): void {
    if (FOREIGN.has(track.format.toLowerCase()) || this.voices.some((voice) => voice.id === track.id)) return;
    const spare = this.take(track, true);
    spare.load(track, Math.max(0, track.start - LEAD));
  }

  /** The voice that holds the track, else the one that was not used for longest. */
  private take(track: Track, spare = false): Voice {
    const holds = this.failed ? undefined : this.voices.find((voice) => voice.id === track.id);
    const voice = holds ?? this.voices.filter((one) => one !== this.voice || (!spare && this.voice.id === null)).sort((a, b) => a.used - b.used)[0] ?? this.voice;
    voice.used = performance.now();
    return voice;
  }
  private retire(voice: Voice): void {
    if (voice.audio.paused) return;
    this.fade(0, voice);
    void wait(FADE + 0.005).then(() => voice !== this.voice && voice.audio.pause());
  }

  /** Silent, and nothing held: what was held is of a library that is no longer looked at. */
  drop(): void {
    this.turn += 1;
    this.playing = false;
    this.loading = false;
    this.failed = null;
    this.audio.pause();
    this.audio.removeAttribute('src');
    this.audio.load();
    this.track = null;
    this.position = 0;
  }

  toggle(): void {
    if (!this.track) return;
    if (this.playing) void this.pause();
    else void this.resume();
  }

  async pause(): Promise<void> {
    const turn = ++this.turn;
    this.playing = false;
    this.loading = false;
    this.fade(0);
    await wait(FADE + 0.005);
    if (turn === this.turn) this.audio.pause();
  }

  async resume(): Promise<void> {
    if (!this.track) return;
    if (this.failed) return this.play(this.track, this.position);
    const turn = ++this.turn;
    this.wake();
    this.playing = true;
    if (this.audio.ended) this.audio.currentTime = Math.max(0, this.track.start - LEAD);
    await this.begin(turn);
  }

  /** To a time of the recording; plays on if it played. */
  async seek(seconds: number): Promise<void> {
    if (!this.track) return;
    const at = Math.min(Math.max(0, seconds), Math.max(0, this.track.duration - 0.02));
    this.position = at;
    if (!this.audio.paused) {
      const turn = ++this.turn;
      this.fade(0);
      await wait(FADE);
      if (turn !== this.turn) return;
    }
    this.audio.currentTime = at;
  }
  nudge(seconds: number): void {
    void this.seek(this.position + seconds);
  }

  /** Keep within this stretch from now on (the moment, when looped). */
  mark(start: number, end: number): void {
    if (!this.track) return;
    this.track = { ...this.track, start, end };
    void this.match(this.track, this.turn);
  }

  setVolume(volume: number): void {
    this.volume = Math.min(1, Math.max(0, volume));
    keep('volume', this.volume);
    if (this.playing) this.fade(1);
  }
  setMatched(matched: boolean): void {
    this.matched = matched;
    keep('matched', matched);
    if (this.playing) this.fade(1);
  }
  setPreview(preview: boolean): void {
    this.preview = preview;
    keep('preview', preview);
  }

  /** Is this recording the one that is heard (or paused) now? */
  holds(id: number): boolean {
    return this.track?.id === id;
  }

  private async begin(turn: number): Promise<void> {
    try {
      await this.audio.play();
      if (turn === this.turn) this.follow();
    } catch (thrown) {
      if (turn !== this.turn || (thrown instanceof DOMException && thrown.name === 'AbortError')) return;
      if (thrown instanceof DOMException && thrown.name === 'NotSupportedError') return; // the error event deals with it
      this.playing = false;
      this.loading = false;
      if (thrown instanceof DOMException && thrown.name === 'NotAllowedError') return; // the browser wants a click first
      this.failed = 'This cannot be played.';
    }
  }

  private async fallBack(): Promise<void> {
    const track = this.track;
    if (!track || !this.audio.getAttribute('src')) return;
    if (this.voice.asWav) {
      this.playing = false;
      this.loading = false;
      this.voice.id = null;
      this.failed = 'This file cannot be played: it may have been moved, or the server is gone.';
      return;
    }
    this.voice.load(track, this.position, true);
    if (this.playing) await this.begin(this.turn);
  }

  private async match(track: Track, turn: number): Promise<void> {
    const wave = await peaks({ recording_id: track.id, start: track.start, end: track.end });
    if (turn !== this.turn && this.track !== track) return;
    if (!wave) return;
    const wish = Math.min(Math.max(TARGET - wave.loudness_db, -24), 20);
    this.matching = Math.min(wish, CEILING - wave.peak_db);
    if (this.playing && !this.audio.paused && !this.audio.seeking) this.fade(1);
  }

  private wake(): void {
    if (!this.context) {
      const context = new AudioContext({ latencyHint: 'interactive' });
      for (const voice of this.voices) {
        voice.gain = context.createGain();
        context.createMediaElementSource(voice.audio).connect(voice.gain).connect(context.destination);
      }
      this.context = context;
    }
    if (this.context.state !== 'running') void this.context.resume();
  }

  private level(): number {
    const db = this.matched ? (this.matching ?? 0) : 0;
    return 10 ** (db / 20) * this.volume ** 2;
  }
  private set(share: number): void {
    if (!this.voice.gain || !this.context) return;
    this.voice.gain.gain.cancelScheduledValues(this.context.currentTime);
    this.voice.gain.gain.setValueAtTime(share * this.level(), this.context.currentTime);
  }
  private fade(share: number, voice = this.voice): void {
    if (!voice.gain || !this.context) return;
    const now = this.context.currentTime;
    const gain = voice.gain.gain;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(share * this.level(), now + FADE);
  }

  private follow(): void {
    cancelAnimationFrame(this.frame);
    const step = () => {
      if (!this.playing) return;
      if (!this.audio.seeking) {
        this.position = this.audio.currentTime;
        const track = this.track;
        if (this.loop && track && track.end > track.start && this.position >= track.end - 0.02) void this.again();
      }
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  private async again(): Promise<void> {
    if (this.looping || !this.track) return;
    this.looping = true;
    this.fade(0);
    await wait(FADE);
    this.audio.currentTime = this.track.start;
    this.position = this.track.start;
    if (this.audio.paused) await this.begin(this.turn);
    this.playing = true;
    this.looping = false;
  }
}

export const player = new Player();
