// A sound to ask with: a dropped or chosen file, or the microphone. It is uploaded, then searched for what is like it.

import { api, asError } from './api';
import { search } from './search.svelte';
import { undo } from './undo.svelte';
import { wavOf } from './wav';

const MOST_SECONDS = 30;

class Recorder {
  on = $state(false);
  sending = $state(false);
  seconds = $state(0);
  /** 0…1, how loud it is now. */
  level = $state(0);
  private stream: MediaStream | null = null;
  private recorder: MediaRecorder | null = null;
  private timer = 0;

  async start(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia) {
      undo.say('This browser gives no microphone to this address.', { bad: true });
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
    } catch (thrown) {
      const refused = thrown instanceof DOMException && thrown.name === 'NotAllowedError';
      undo.say(refused ? 'The microphone was not allowed. Allow it in the address bar of the browser.' : 'There is no microphone.', { bad: true });
      return;
    }
    const pieces: Blob[] = [];
    const recorder = new MediaRecorder(this.stream);
    const context = new AudioContext();
    const meter = context.createAnalyser();
    meter.fftSize = 1024;
    context.createMediaStreamSource(this.stream).connect(meter);
    const samples = new Float32Array(meter.fftSize);
    const began = performance.now();
    this.recorder = recorder;
    this.on = true;
    this.seconds = 0;
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = async () => {
      clearInterval(this.timer);
      this.stream?.getTracks().forEach((track) => track.stop());
      this.on = false;
      this.level = 0;
      try {
        const sound = await context.decodeAudioData(await new Blob(pieces).arrayBuffer());
        if (!this.dropped) await sendClip(wavOf(sound), 'recording.wav', 'what you recorded');
      } catch {
        undo.say('The recording could not be read. Try again.', { bad: true });
      } finally {
        void context.close();
      }
    };
    this.dropped = false;
    recorder.start();
    this.timer = window.setInterval(() => {
      meter.getFloatTimeDomainData(samples);
      const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      this.level = Math.max(loudest, this.level * 0.7);
      this.seconds = (performance.now() - began) / 1000;
      if (this.seconds >= MOST_SECONDS) this.stop();
    }, 60);
  }

  private dropped = false;
  stop(): void {
    this.recorder?.stop();
    this.recorder = null;
  }
  cancel(): void {
    this.dropped = true;
    this.stop();
  }
}

export const recorder = new Recorder();

/** Upload a sound and ask for what is like it. */
export async function sendClip(file: Blob, filename: string, called = filename): Promise<void> {
  recorder.sending = true;
  try {
    search.likeUpload(await api.upload(file, filename), called);
  } catch (thrown) {
    const error = asError(thrown);
    undo.say(`${called}: ${error.detail} ${error.hint}`.trim(), { bad: true });
  } finally {
    recorder.sending = false;
  }
}
