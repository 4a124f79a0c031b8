/** `vi.waitFor` gives up after a second, which a busy machine may need for a single turn: it waits longer here. */
import { vi } from "vitest";

const { waitFor } = vi;
vi.waitFor = (callback, options) =>
  waitFor(callback, { timeout: 30_000, ...(typeof options === "number" ? { timeout: options } : options) });
