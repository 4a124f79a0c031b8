/**
 * Server-sent events out of the text of a stream, as the gateway writes them: a line with the name, a line with the data,
 * an empty line. EventSource would do the same, but sends no token along.
 */

/** Returns what takes the text piece by piece, wherever it is cut. */
export function eventReader(onEvent: (name: string, data: string) => void): (piece: string) => void {
  let open = "";
  return (piece) => {
    const blocks = (open + piece).split("\n\n");
    open = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/m.exec(block) ?? [];
      if (name !== undefined && data !== undefined) onEvent(name, data);
    }
  };
}
