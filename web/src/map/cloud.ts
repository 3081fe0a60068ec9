// The points, and quick answers about them: which is nearest, which lie within a loop, which comes next that way.

import type { MapInfo } from '../lib/types';

export interface Spot {
  x: number;
  y: number;
}

export class Cloud {
  readonly n: number;
  readonly ids: readonly number[];
  readonly names: readonly string[];
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** The box that holds them all: x0, y0, x1, y1. */
  readonly box: [number, number, number, number] = [-1, -1, 1, 1];
  private readonly at = new Map<number, number>();
  // A grid over −1…1: points of cell c are order[first[c]] … order[first[c + 1] − 1].
  private readonly side: number;
  private readonly first: Uint32Array;
  private readonly order: Uint32Array;

  constructor(info: MapInfo) {
    this.n = info.ids.length;
    this.ids = info.ids;
    this.names = info.names;
    this.x = Float32Array.from(info.x);
    this.y = Float32Array.from(info.y);
    if (this.n) {
      const ends = (values: Float32Array): [number, number] => [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      const [x0, x1] = ends(this.x);
      const [y0, y1] = ends(this.y);
      this.box = [x0, y0, x1, y1];
    }
    info.ids.forEach((id, i) => this.at.set(id, i));
    this.side = Math.max(1, Math.min(256, Math.round(Math.sqrt(this.n) / 2)));
    this.first = new Uint32Array(this.side * this.side + 1);
    this.order = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i += 1) this.first[this.cellOf(i) + 1]! += 1;
    for (let c = 0; c < this.side * this.side; c += 1) this.first[c + 1]! += this.first[c]!;
    const next = this.first.slice();
    for (let i = 0; i < this.n; i += 1) {
      const cell = this.cellOf(i);
      this.order[next[cell]!] = i;
      next[cell]! += 1;
    }
  }

  indexOf(id: number): number {
    return this.at.get(id) ?? -1;
  }
  private column(value: number): number {
    return Math.max(0, Math.min(this.side - 1, Math.floor(((value + 1) / 2) * this.side)));
  }
  private cellOf(i: number): number {
    return this.column(this.y[i]!) * this.side + this.column(this.x[i]!);
  }

  /** Calls `visit` for every point of the cells that touch a box (a little more than the box). */
  within(x0: number, y0: number, x1: number, y1: number, visit: (i: number) => void): void {
    const [c0, c1, r0, r1] = [this.column(x0), this.column(x1), this.column(y0), this.column(y1)];
    for (let row = r0; row <= r1; row += 1)
      for (let column = c0; column <= c1; column += 1) {
        const cell = row * this.side + column;
        for (let k = this.first[cell]!; k < this.first[cell + 1]!; k += 1) visit(this.order[k]!);
      }
  }

  /** The nearest point within a reach, or −1. */
  nearest(x: number, y: number, reach: number): number {
    let best = -1;
    let least = reach * reach;
    this.within(x - reach, y - reach, x + reach, y + reach, (i) => {
      const far = (this.x[i]! - x) ** 2 + (this.y[i]! - y) ** 2;
      if (far <= least) {
        least = far;
        best = i;
      }
    });
    return best;
  }
  /** The nearest points, nearest first. */
  around(x: number, y: number, count: number): number[] {
    let found: number[] = [];
    for (let reach = 2 / this.side; ; reach *= 2) {
      found = [];
      this.within(x - reach, y - reach, x + reach, y + reach, (i) => found.push(i));
      if (found.length >= count * 2 || found.length === this.n || reach > 4) break;
    }
    const far = (i: number) => (this.x[i]! - x) ** 2 + (this.y[i]! - y) ** 2;
    return found.sort((a, b) => far(a) - far(b)).slice(0, count);
  }

  /** The next point that way (dx, dy of length 1): near, and more ahead than aside. */
  next(from: number, dx: number, dy: number): number {
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.n; i += 1) {
      const vx = this.x[i]! - this.x[from]!;
      const vy = this.y[i]! - this.y[from]!;
      const ahead = vx * dx + vy * dy;
      if (ahead <= 1e-6) continue;
      const aside = Math.abs(vx * dy - vy * dx);
      if (aside > ahead * 1.2) continue;
      const cost = ahead + aside * 2;
      if (cost < least) {
        least = cost;
        best = i;
      }
    }
    return best;
  }

  /** Points inside a closed loop. */
  inside(loop: readonly Spot[]): number[] {
    if (loop.length < 3) return [];
    const xs = loop.map((spot) => spot.x);
    const ys = loop.map((spot) => spot.y);
    const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    const found: number[] = [];
    this.within(x0, y0, x1, y1, (i) => {
      const px = this.x[i]!;
      const py = this.y[i]!;
      if (px < x0 || px > x1 || py < y0 || py > y1) return;
      let inside = false;
      for (let a = 0, b = xs.length - 1; a < xs.length; b = a, a += 1) {
        if (ys[a]! > py !== ys[b]! > py && px < ((xs[b]! - xs[a]!) * (py - ys[a]!)) / (ys[b]! - ys[a]!) + xs[a]!) inside = !inside;
      }
      if (inside) found.push(i);
    });
    return found;
  }
}
