/** Two ends of a line of messages inside one process. What is sent arrives later, as JSON carried it; a cut line loses it. */
import type { MessageLine } from "../../src/wire/peer.js";

export interface LinePair {
  readonly ends: readonly [MessageLine, MessageLine];
  /** All messages so far, in the order they were sent. */
  readonly sent: readonly unknown[];
  cut(): void;
}

export function linePair(): LinePair {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const sent: unknown[] = [];
  let isCut = false;
  const end = (own: number, other: number): MessageLine => ({
    send(message) {
      sent.push(message);
      const text = JSON.stringify(message);
      setImmediate(() => {
        if (!isCut) for (const listener of listeners[other] ?? []) listener(JSON.parse(text));
      });
    },
    onMessage: (listener) => void listeners[own]?.push(listener),
  });
  return { ends: [end(0, 1), end(1, 0)], sent, cut: () => void (isCut = true) };
}
