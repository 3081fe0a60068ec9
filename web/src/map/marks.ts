// What is drawn over the points, each time anew: the one that plays, the one under the pointer, the loop.

import type { Camera } from './camera';
import type { Cloud, Spot } from './cloud';

export function ring(
  g: CanvasRenderingContext2D, cloud: Cloud, camera: Camera, index: number, radius: number, line: number, colour: string, share = 1,
): void {
  const [x, y] = camera.toScreen(cloud.x[index] ?? 0, cloud.y[index] ?? 0);
  g.strokeStyle = colour;
  g.lineWidth = line;
  g.beginPath();
  g.arc(x, y, radius, -Math.PI / 2, -Math.PI / 2 + share * 2 * Math.PI);
  g.stroke();
}

export function dot(g: CanvasRenderingContext2D, cloud: Cloud, camera: Camera, index: number, radius: number, colour: string): void {
  const [x, y] = camera.toScreen(cloud.x[index] ?? 0, cloud.y[index] ?? 0);
  g.fillStyle = colour;
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fill();
}

export function drawLoop(g: CanvasRenderingContext2D, camera: Camera, loop: readonly Spot[], colour: string): void {
  g.beginPath();
  loop.forEach((spot, i) => {
    const [x, y] = camera.toScreen(spot.x, spot.y);
    if (i) g.lineTo(x, y);
    else g.moveTo(x, y);
  });
  g.closePath();
  g.globalAlpha = 0.14;
  g.fillStyle = colour;
  g.fill();
  g.globalAlpha = 1;
  g.lineWidth = 1.5;
  g.strokeStyle = colour;
  g.stroke();
}
