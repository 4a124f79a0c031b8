/** A canvas with the size of its layout, redrawn whenever `draw` is another function. */
import { useEffect, useRef } from "preact/hooks";
import type { Pen } from "../../draw/canvas.js";
import { usePlatform } from "../../platform.js";

export interface CanvasProps {
  readonly width: number;
  readonly height: number;
  readonly draw: (pen: Pen) => void;
}

/** Decoration: its content is also available as text. */
export function Canvas({ width, height, draw }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { pixelRatio } = usePlatform();
  useEffect(() => {
    const pen = canvas.current?.getContext("2d") ?? null;
    if (canvas.current === null || pen === null || width === 0) return;
    // Very high drawings stay coarse, because browsers limit a canvas's area.
    const ratio = height > 4_000 ? 1 : pixelRatio();
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(height * ratio);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    draw(pen);
  }, [width, height, draw, pixelRatio]);
  return <canvas ref={canvas} aria-hidden="true" style={{ width: `${width}px`, height: `${height}px` }} />;
}
