/** The frame around the selection. It is above the drawing, so that selecting does not redraw anything. */
import type { Box } from "../../model/strip-layout.js";

export function SelectionFrame({ box: { x, y, width, height } }: { readonly box: Box }) {
  const style = { left: `${x - 2}px`, top: `${y - 2}px`, width: `${width + 4}px`, height: `${height + 4}px` };
  return <span class="selection" style={style} />;
}
