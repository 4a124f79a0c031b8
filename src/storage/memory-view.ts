/**
 * A DataView over the memory behind some bytes. It is reused as long as the memory is the same, as it usually is for
 * consecutive records.
 */

let lastMemory: ArrayBufferLike = new ArrayBuffer(0);
let lastView: DataView = new DataView(lastMemory);

/** Offsets are relative to the memory, not to `bytes`. The view is valid until the next call. */
export function viewOf(bytes: Uint8Array): DataView {
  const memory = bytes.buffer;
  if (memory !== lastMemory) {
    lastMemory = memory;
    lastView = new DataView(memory);
  }
  return lastView;
}
