// Where the map is looked at from. Points lie in −1…1; `scale` is pixels per unit.

export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  private fit = 1;
  /** Half of what the points take up, and their middle. */
  private reach: [number, number] = [1, 1];
  private middle: [number, number] = [0, 0];
  constructor(
    public width = 1,
    public height = 1,
  ) {}

  /** Where the points lie: the whole map is this box. */
  frame(x0: number, y0: number, x1: number, y1: number): void {
    const home = this.fit === 1 || this.isHome;
    this.reach = [Math.max(0.02, (x1 - x0) / 2), Math.max(0.02, (y1 - y0) / 2)];
    this.middle = [(x0 + x1) / 2, (y0 + y1) / 2];
    if (this.fit !== 1) this.refit();
    if (home) this.home();
  }
  private refit(): void {
    const room = (side: number, share: number, most: number) => Math.max(20, side / 2 - Math.max(28, Math.min(most, side * share)));
    this.fit = Math.min(room(this.width, 0.1, 130) / this.reach[0], room(this.height, 0.12, 90) / this.reach[1], 4000);
  }

  copy(): Camera {
    return Object.assign(new Camera(this.width, this.height), this);
  }
  /** The pane changed: what was in the middle stays there; a map that fitted still fits. */
  resize(width: number, height: number): void {
    const home = this.fit === 1 || this.isHome;
    this.width = width;
    this.height = height;
    this.refit();
    if (home) this.home();
    else this.scale = Math.max(this.fit * 0.6, this.scale);
  }
  /** 1 where the whole map is in sight. */
  get zoom(): number {
    return this.scale / this.fit;
  }
  get isHome(): boolean {
    return Math.abs(this.zoom - 1) < 1e-3 && Math.abs(this.x - this.middle[0]) < 1e-3 && Math.abs(this.y - this.middle[1]) < 1e-3;
  }
  home(): void {
    [this.x, this.y] = this.middle;
    this.scale = this.fit;
  }
  toScreen(x: number, y: number): [number, number] {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }
  toMap(px: number, py: number): [number, number] {
    return [(px - this.width / 2) / this.scale + this.x, (py - this.height / 2) / this.scale + this.y];
  }
  pan(dx: number, dy: number): void {
    this.x = Math.max(-1.4, Math.min(1.4, this.x - dx / this.scale));
    this.y = Math.max(-1.4, Math.min(1.4, this.y - dy / this.scale));
  }
  /** What is under the pointer stays under it. */
  zoomBy(factor: number, px = this.width / 2, py = this.height / 2): void {
    const [x, y] = this.toMap(px, py);
    this.scale = Math.max(this.fit * 0.6, Math.min(this.fit * 400, this.scale * factor));
    this.x = Math.max(-1.4, Math.min(1.4, x - (px - this.width / 2) / this.scale));
    this.y = Math.max(-1.4, Math.min(1.4, y - (py - this.height / 2) / this.scale));
  }
}
