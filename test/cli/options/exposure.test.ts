import { describe, expect, it } from "vitest";
import { isLoopback } from "../../../src/cli/options/exposure.js";

describe("a loopback address", () => {
  it.each(["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"])(
    "can be %s",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.0.0.1.example.org",
    "localhost.example.org",
    "1127.0.0.1",
    "::ffff:10.0.0.1",
    "",
  ])("cannot be %s", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
