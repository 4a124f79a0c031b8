/** A canvas context that draws nothing and records its calls. */
import type { Pen } from "../../src/console/draw/canvas.js";

export interface Stroke {
  readonly name: string;
  readonly args: readonly unknown[];
  /** The styles at the time of the call. */
  readonly fillStyle: unknown;
  readonly strokeStyle: unknown;
  readonly globalAlpha: unknown;
}

export interface RecordingPen extends Pen {
  setTransform(...args: readonly number[]): void;
  readonly strokes: Stroke[];
  /** The texts that were written, in order. */
  readonly texts: readonly unknown[];
}

export function recordingPen(): RecordingPen {
  const strokes: Stroke[] = [];
  const state: Record<string, unknown> = { fillStyle: "", strokeStyle: "", globalAlpha: 1 };
  const pen = new Proxy(state, {
    get(_target, name: string) {
      if (name === "strokes") return strokes;
      if (name === "texts") return strokes.filter((stroke) => stroke.name === "fillText").map(({ args }) => args[0]);
      if (Object.hasOwn(state, name)) return state[name];
      return (...args: readonly unknown[]) => {
        const { fillStyle, strokeStyle, globalAlpha } = state;
        strokes.push({ name, args, fillStyle, strokeStyle, globalAlpha });
      };
    },
  });
  return pen as unknown as RecordingPen;
}
