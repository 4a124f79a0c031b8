/**
 * Time as a gateway counts it that waits for a storage node. Node runs timers that are due before it reads its sockets, so
 * after a standstill an answer that came long ago would be given up unread. Sockets run on real time, and so does this.
 */

/**
 * The time of an attempt counts in slices this long. A gateway that stands still for longer, because it is busy with large
 * answers, counts one slice, and reads what has come meanwhile: its own standstill is not the storage node's silence.
 */
export const attemptSliceMs = 250;

/** Calls `onOver` after `timeoutMs`, of which a standstill counts as one slice at most. The function returned prevents it. */
export function afterListening(timeoutMs: number, onOver: () => void): () => void {
  let leftMs = timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  let lastLook: NodeJS.Immediate | undefined;
  const waitOn = (): void => {
    if (leftMs <= 0) {
      // What came during the last slice is read first.
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
