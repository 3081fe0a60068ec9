// Axes: where a frequency lies on a mel picture, and round times to write below one.

export const TICKS_HZ = [500, 1000, 2000, 4000, 8000, 16000];

const mel = (hz: number): number => 2595 * Math.log10(1 + hz / 700);
/** 0 is the top (maxHz), 1 the bottom (0 Hz). */
export const hertzAt = (hz: number, maxHz: number): number => 1 - mel(hz) / mel(maxHz);

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
/** Round times within start…end, about `most` of them at most. */
export function ticksOf(start: number, end: number, most: number): number[] {
  const wide = end - start;
  const step = STEPS.find((one) => wide / one <= most) ?? 28800;
  const ticks: number[] = [];
  for (let i = Math.ceil(start / step - 1e-6); i * step <= end + 1e-6; i += 1) ticks.push(Number((i * step).toFixed(3)));
  return ticks;
}
