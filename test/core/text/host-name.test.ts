import { describe, expect, it } from "vitest";
import { hostNameOf, isLoopbackAddress, isRebindable } from "../../../src/core/text/host-name.js";

describe("a host name", () => {
  it.each([
    ["Gateway.Internal.:80", "gateway.internal"],
    ["10.1.2.3:4000", "10.1.2.3"],
    ["[::1]:4000", "[::1]"],
    ["a_b-c", "a_b-c"],
  ])("is read from %s", (host, name) => expect(hostNameOf(host)).toBe(name));

  it.each(["", "a b", "a@localhost", "localhost/", "[::1", "[localhost]", "localhost:x", "a,localhost", "é"])(
    "cannot be read from %j",
    (host) => expect(hostNameOf(host)).toBeNull(),
  );

  it.each(["127.0.0.1", "10.1.2.3", "[::1]", "localhost", "a.localhost"])("cannot be rebound as %s", (name) =>
    expect(isRebindable(name)).toBe(false),
  );

  it.each(["evil.example", "127.0.0.1.evil.example", "notlocalhost", "1.2.3", "0x7f.1", "1.2.3.4.5"])(
    "can be rebound as %s",
    (name) => expect(isRebindable(name)).toBe(true),
  );
});

it.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["10.127.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["fe80::1", false],
  ["", false],
])("tells whether %j is a loopback address", (address, isLoopback) =>
  expect(isLoopbackAddress(address)).toBe(isLoopback),
);
