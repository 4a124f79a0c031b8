/**
 * `vi.waitFor` gives up after a second, which a busy machine may need for a single turn: it waits longer here. It also
 * looks only every 50 ms, though most of what tests wait for comes within two turns of the event loop.
 */
import { vi } from "vitest";

const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, {
    timeout: 30_000,
    interval: 5,
    ...(typeof options === "number" ? { timeout: options } : options),
  });

// A gateway that is sent SIGTERM goes on serving for seconds; only tests of that say how long.
process.env["SHARDGATE_DRAIN_DELAY"] = "0";
