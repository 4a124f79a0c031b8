import { describe, expect, it } from "vitest";
import { isLoopback } from "../../../src/cli/options/exposure.js";

describe("loopback", () => {
  it.each(["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"])("is %s", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.0.0.1.example.org",
    "localhost.example.org",
    "1127.0.0.1",
    "::ffff:10.0.0.1",
    "",
  ])("is not %s", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
