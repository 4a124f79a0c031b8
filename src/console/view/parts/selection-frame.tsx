/** The frame around what is selected. It lies above the drawing, so that selecting draws nothing again. */
import type { Box } from "../../model/strip-layout.js";

export function SelectionFrame({ box: { x, y, width, height } }: { readonly box: Box }) {
  const style = { left: `${x - 2}px`, top: `${y - 2}px`, width: `${width + 4}px`, height: `${height + 4}px` };
  return <span class="selection" style={style} />;
}
