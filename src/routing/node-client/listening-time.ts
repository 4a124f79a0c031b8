/**
 * Timeouts for a gateway that waits for a storage node. After a standstill of the process, Node runs due timers before
 * it reads its sockets, so an answer that arrived long ago would be discarded unread. Sockets run on real time, and so
 * do these timeouts.
 */

/**
 * The time of an attempt is counted in slices of this length. When the gateway itself is blocked for longer, for
 * example by large answers, that counts as one slice, and it then reads what has arrived: its own standstill is not the
 * storage node's silence.
 */
export const attemptSliceMs = 250;

/**
 * Calls `onOver` after `timeoutMs`, of which a standstill counts as one slice at most. The returned function cancels
 * it.
 */
export function afterListening(timeoutMs: number, onOver: () => void): () => void {
  let leftMs = timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let lastLook: NodeJS.Immediate | undefined;
  const waitOn = (): void => {
    if (leftMs <= 0) {
      // Bytes that arrived during the last slice are read first.
      lastLook = setImmediate(onOver);
      return;
    }
    const sliceMs = Math.min(leftMs, attemptSliceMs);
    leftMs -= sliceMs;
    timer = setTimeout(waitOn, sliceMs);
  };
  waitOn();
  return () => {
    clearTimeout(timer);
    clearImmediate(lastLook);
  };
}
