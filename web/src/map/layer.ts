// All points on a canvas of their own, larger than the pane: panning and zooming move this picture, and it is drawn anew at rest.

import type { Camera } from './camera';
import type { Cloud } from './cloud';
import { Splat, stampOf } from './splat';

export interface Colours {
  ink: string;
  dim: string;
  paper: string;
  accent: string;
}
const MARGIN = 0.25; // of the pane, at each side
const MOST_LABELS = 90;
const MANY = 4000; // points from which on pixels are written directly
const LABELLED = 600; // points in sight up to which names are written

export function dotSize(n: number, zoom: number): number {
  const base = n < 300 ? 4 : n < 3000 ? 2.6 : n < 20_000 ? 1.7 : 1;
  return Math.min(7, base * Math.max(1, zoom) ** 0.4);
}
export const shortName = (name: string): string => name.replace(/\.[a-z0-9]{2,5}$/i, '');

export class Layer {
  private readonly canvas = document.createElement('canvas');
  private made: Camera | null = null;
  private coarse = false;

  forget(): void {
    this.made = null;
  }
  /** Does the picture cover what the camera sees, sharply enough for a picture in motion? */
  covers(camera: Camera, atRest: boolean): boolean {
    const { made } = this;
    if (!made || made.width !== camera.width || made.height !== camera.height) return false;
    const ratio = camera.scale / made.scale;
    if (atRest && (this.coarse || Math.abs(ratio - 1) > 1e-4 || Math.abs(made.x - camera.x) + Math.abs(made.y - camera.y) > 1e-6)) return false;
    if (ratio > 2.5 || ratio < 0.72) return false;
    const dx = Math.abs(camera.x - made.x) * made.scale + (camera.width / 2) * (1 / ratio - 1);
    const dy = Math.abs(camera.y - made.y) * made.scale + (camera.height / 2) * (1 / ratio - 1);
    return dx <= made.width * MARGIN + 1 && dy <= made.height * MARGIN + 1;
  }

  put(g: CanvasRenderingContext2D, camera: Camera): void {
    const { made } = this;
    if (!made) return;
    const ratio = camera.scale / made.scale;
    const wide = made.width * (1 + 2 * MARGIN) * ratio;
    const high = made.height * (1 + 2 * MARGIN) * ratio;
    const [x, y] = camera.toScreen(made.x, made.y);
    g.drawImage(this.canvas, x - wide / 2, y - high / 2, wide, high);
  }

  draw(cloud: Cloud, camera: Camera, picked: ReadonlySet<number>, colours: Colours, fine: number, font: string, moving: boolean): void {
    // In motion a coarser picture of very many points will do; at rest it is drawn sharp.
    this.coarse = moving && cloud.n > 20_000;
    const density = this.coarse ? fine / 2 : fine;
    const { width, height } = camera;
    const w = Math.round(width * (1 + 2 * MARGIN));
    const h = Math.round(height * (1 + 2 * MARGIN));
    this.canvas.width = Math.round(w * density);
    this.canvas.height = Math.round(h * density);
    const g = this.canvas.getContext('2d');
    if (!g) return;
    this.made = camera.copy();
    g.scale(density, density);
    const shiftX = w / 2 - camera.x * camera.scale;
    const shiftY = h / 2 - camera.y * camera.scale;
    const r = dotSize(cloud.n, camera.zoom);
    const [x0, y0] = [(-shiftX - r) / camera.scale, (-shiftY - r) / camera.scale];
    const [x1, y1] = [(w - shiftX + r) / camera.scale, (h - shiftY + r) / camera.scale];
    const seen: number[] = [];
    cloud.within(x0, y0, x1, y1, (i) => seen.push(i));

    const most = cloud.n > 20_000 ? 0.4 : 0.55;
    if (seen.length > MANY) {
      const splat = new Splat(this.canvas.width, this.canvas.height);
      const plain = stampOf(r * density, most);
      const lit = stampOf((r + 0.6) * density, 1);
      for (const i of seen) {
        const chosen = picked.has(i);
        splat.put((cloud.x[i]! * camera.scale + shiftX) * density, (cloud.y[i]! * camera.scale + shiftY) * density, chosen ? lit : plain, chosen);
      }
      splat.show(g, colours.ink, colours.accent);
    } else {
      const stamp = (chosen: boolean, size: number, colour: string, alpha: number) => {
        const picture = sprite(size, colour, density);
        g.globalAlpha = alpha;
        for (const i of seen)
          if (picked.has(i) === chosen)
            g.drawImage(picture, cloud.x[i]! * camera.scale + shiftX - size - 1, cloud.y[i]! * camera.scale + shiftY - size - 1, 2 * size + 2, 2 * size + 2);
        g.globalAlpha = 1;
      };
      stamp(false, r, colours.ink, most);
      if (picked.size) stamp(true, r + 0.5, colours.accent, 1);
    }
    if (seen.length <= LABELLED * (1 + 2 * MARGIN)) this.label(g, cloud, seen, camera.scale, shiftX, shiftY, w, h, r, colours, font);
  }

  /** Names beside points, where there is room. */
  private label(
    g: CanvasRenderingContext2D, cloud: Cloud, seen: readonly number[], scale: number, shiftX: number, shiftY: number, w: number, h: number, r: number,
    colours: Colours, font: string,
  ): void {
    const { made } = this;
    if (!made) return;
    const CELL = 7;
    const columns = Math.ceil(w / CELL);
    const taken = new Uint8Array(columns * Math.ceil(h / CELL));
    const cells = (x: number, y: number, width: number, height: number, visit: (cell: number) => boolean): boolean => {
      for (let row = Math.floor(y / CELL); row <= Math.floor((y + height) / CELL); row += 1)
        for (let column = Math.floor(x / CELL); column <= Math.floor((x + width) / CELL); column += 1) {
          if (column < 0 || row < 0 || column >= columns || row * CELL >= h) return false;
          if (!visit(row * columns + column)) return false;
        }
      return true;
    };
    const take = (cell: number) => {
      taken[cell] = 1;
      return true;
    };
    for (const i of seen) cells(cloud.x[i]! * scale + shiftX - r, cloud.y[i]! * scale + shiftY - r, 2 * r, 2 * r, take);
    g.font = font;
    g.textBaseline = 'middle';
    g.fillStyle = colours.dim;
    const left = (w - made.width) / 2; // the pane's own edges, in the picture
    const right = left + made.width;
    const names = new Set<string>();
    let written = 0;
    for (const i of seen) {
      if (written >= MOST_LABELS) break;
      const text = shortName(cloud.names[i] ?? '').slice(0, 28);
      const width = g.measureText(text).width;
      const px = cloud.x[i]! * scale + shiftX;
      const py = cloud.y[i]! * scale + shiftY;
      const place = `${text}${Math.round(px)},${Math.round(py)}`;
      if (names.has(place)) continue; // a copy: one name is enough
      const within = px > left && px < right;
      for (const side of [1, -1]) {
        const x = side === 1 ? px + r + 5 : px - r - 5 - width;
        if (within && (x < left + 4 || x + width > right - 4)) continue;
        // the cell beside the point may be the point's own
        if (!cells(side === 1 ? x + CELL : x, py - 8, Math.max(1, width - CELL), 16, (cell) => taken[cell] === 0)) continue;
        cells(x - 2, py - 8, width + 6, 16, take);
        g.fillText(text, x, py);
        names.add(place);
        written += 1;
        break;
      }
    }
  }
}

/** One point as a small picture: thousands of copies are quicker than thousands of circles. */
function sprite(r: number, colour: string, density: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const side = (2 * r + 2) * density;
  canvas.width = Math.ceil(side);
  canvas.height = Math.ceil(side);
  const g = canvas.getContext('2d');
  if (!g) return canvas;
  g.scale(canvas.width / (2 * r + 2), canvas.height / (2 * r + 2));
  g.fillStyle = colour;
  g.beginPath();
  g.arc(r + 1, r + 1, r, 0, 2 * Math.PI);
  g.fill();
  return canvas;
}
