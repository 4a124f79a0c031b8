/** Shared by all drawings: the part of a canvas context that they use, and sharp pixels. */
import type { Box } from "../model/strip-layout.js";

export type Pen = Pick<
  CanvasRenderingContext2D,
  | "fillStyle"
  | "strokeStyle"
  | "lineWidth"
  | "globalAlpha"
  | "font"
  | "textAlign"
  | "textBaseline"
  | "fillRect"
  | "strokeRect"
  | "fillText"
  | "clearRect"
  | "beginPath"
  | "moveTo"
  | "lineTo"
  | "stroke"
  | "save"
  | "restore"
  | "rect"
  | "clip"
  | "setLineDash"
>;

export const canvasFont = "system-ui, sans-serif";

/** Draws slanted lines over a box, which mark what is out of service. `spacing` is the distance between lines. */
export function hatch(pen: Pen, { x, y, width, height }: Box, spacing: number): void {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.beginPath();
  for (let offset = -height; offset < width; offset += spacing) {
    pen.moveTo(x + offset, y + height);
    pen.lineTo(x + offset + height, y);
  }
  pen.stroke();
  pen.restore();
}
