/** A view of numbers over the memory that bytes are in, for records that mostly come in the same memory one after the other. */

let lastMemory: ArrayBufferLike = new ArrayBuffer(0);
let lastView: DataView = new DataView(lastMemory);

/** Its positions begin at that of the memory, not of `bytes`. To be used before it is asked for again. */
export function viewOf(bytes: Uint8Array): DataView {
  const memory = bytes.buffer;
  if (memory !== lastMemory) {
    lastMemory = memory;
    lastView = new DataView(memory);
  }
  return lastView;
}
