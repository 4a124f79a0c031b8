/** What all drawings need: the part of a canvas's context that they use, and sharp pixels. */
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

/** Slanted lines over a box: what is drawn so does not work. `spacing` is the way from one line to the next. */
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
