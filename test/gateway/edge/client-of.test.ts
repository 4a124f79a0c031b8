import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { clientOf } from "../../../src/gateway/edge/client-of.js";

it.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::1", "0:0:0:0"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["fe80::", "fe80:0:0:0"],
  [undefined, ""],
])("counts the address %s as %s", (remoteAddress, client) => {
  expect(clientOf({ socket: { remoteAddress } } as unknown as IncomingMessage, null)).toBe(client);
});

it("counts authenticated callers by name", () => {
  const request = { socket: { remoteAddress: "10.0.0.1" } } as unknown as IncomingMessage;
  expect(clientOf(request, { name: "10.0.0.2" })).toBe("caller 10.0.0.2");
});
