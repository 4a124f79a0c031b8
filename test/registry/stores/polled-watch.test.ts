import { describe, expect, it, vi } from "vitest";
import { PolledWatch } from "../../../src/registry/stores/polled-watch.js";
import { FakeClock } from "../../support/fake-clock.js";

interface Stream {
  readonly changed: (mark: string) => void;
  readonly signal: AbortSignal;
  readonly end: () => void;
}

const pollMs = 1_000;

/** A watch over a registry whose streams and mark the test plays. */
function playedWatch(): {
  watch: PolledWatch;
  streams: readonly Stream[];
  server: { mark: string; isAway: boolean };
  nextPoll: () => Promise<void>;
} {
  const clock = new FakeClock();
  const streams: Stream[] = [];
  const server = { mark: "10", isAway: false };
  const stream = async (changed: Stream["changed"], signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      streams.push({ changed, signal, end: resolve });
      signal.addEventListener("abort", () => resolve());
    });
  const readMark = async (): Promise<string> => {
    if (server.isAway) throw new Error("the server is away");
    return server.mark;
  };
  return {
    watch: new PolledWatch({ readMark, stream, clock, pollMs }),
    streams,
    server,
    nextPoll: () => clock.advance(pollMs),
  };
}

/** A watch whose first poll is done. */
async function begunWatch() {
  const played = playedWatch();
  const onChange = vi.fn<() => void>();
  played.watch.listen(onChange);
  await played.nextPoll();
  onChange.mockClear();
  return { ...played, onChange };
}

describe("PolledWatch", () => {
  it("calls for a change that the stream brings, and not again when the poll finds it", async () => {
    const { streams, server, nextPoll, onChange } = await begunWatch();
    server.mark = "11";
    streams[0]?.changed("11");
    expect(onChange).toHaveBeenCalledOnce();
    await nextPoll();
    expect(onChange).toHaveBeenCalledOnce();
    expect(streams).toHaveLength(1);
  });

  it("finds a change that a silent stream kept, and opens another stream", async () => {
    const { streams, server, nextPoll, onChange } = await begunWatch();
    server.mark = "11";
    await nextPoll();
    expect(onChange).toHaveBeenCalledOnce();
    expect(streams).toHaveLength(2);
    expect(streams[0]?.signal.aborted).toBe(true);
    // What the old stream says late counts no more.
    streams[0]?.changed("11");
    expect(onChange).toHaveBeenCalledOnce();
  });

  it("opens another stream when one has ended", async () => {
    const { watch, streams, nextPoll } = playedWatch();
    watch.listen(() => {});
    await nextPoll();
    streams[0]?.end();
    await nextPoll();
    expect(streams).toHaveLength(2);
  });

  it("goes on after the server was away", async () => {
    const { watch, server, nextPoll } = playedWatch();
    const onChange = vi.fn<() => void>();
    watch.listen(onChange);
    await nextPoll();
    onChange.mockClear();
    server.isAway = true;
    await nextPoll();
    await nextPoll();
    Object.assign(server, { mark: "12", isAway: false });
    await nextPoll();
    expect(onChange).toHaveBeenCalledOnce();
  });

  it("ends with its last listener, and begins anew with the next", async () => {
    const { watch, streams, nextPoll } = playedWatch();
    const stops = [watch.listen(() => {}), watch.listen(() => {})];
    await nextPoll();
    stops[0]?.();
    expect(streams[0]?.signal.aborted).toBe(false);
    stops[1]?.();
    expect(streams[0]?.signal.aborted).toBe(true);
    await nextPoll();
    expect(streams).toHaveLength(1);
    watch.listen(() => {});
    expect(streams).toHaveLength(2);
  });
});
