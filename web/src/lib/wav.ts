/** Decoded sound as a 16-bit mono WAV. */
export function wavOf(sound: AudioBuffer): Blob {
  const n = sound.length;
  const bytes = new DataView(new ArrayBuffer(44 + n * 2));
  const text = (at: number, word: string) => [...word].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  bytes.setUint32(4, 36 + n * 2, true);
  text(8, 'WAVEfmt ');
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, sound.sampleRate, true);
  bytes.setUint32(28, sound.sampleRate * 2, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, 'data');
  bytes.setUint32(40, n * 2, true);
  const all = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
  for (let i = 0; i < n; i += 1) {
    const sample = all.reduce((sum, channel) => sum + (channel[i] ?? 0), 0) / all.length;
    bytes.setInt16(44 + i * 2, Math.max(-1, Math.min(1, sample)) * 32767, true);
  }
  return new Blob([bytes.buffer as ArrayBuffer], { type: 'audio/wav' });
}
