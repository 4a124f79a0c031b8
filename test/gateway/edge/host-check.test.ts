import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { HostCheck } from "../../../src/gateway/edge/host-check.js";

function refusal(
  names: readonly string[],
  host: string | undefined,
  localAddress = "127.0.0.1",
  target: string | null = null,
  isOpen = true,
) {
  const request = { headers: { host }, socket: { localAddress } } as unknown as IncomingMessage;
  return new HostCheck(names, isOpen).refusalOf(request, target)?.code ?? null;
}

describe("the host check", () => {
  it.each([
    "localhost",
    "LocalHost:4000",
    "a.localhost",
    "localhost.",
    "127.0.0.1:4000",
    "10.1.2.3",
    "[::1]:4000",
    "[fe80::1]",
  ])("accepts %s on loopback", (host) => expect(refusal([], host)).toBeNull());

  it.each(["evil.example", "evil.example:4000", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost"])(
    "refuses %s on loopback, and nowhere else",
    (host) => {
      for (const loopback of ["127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"])
        expect(refusal([], host, loopback)).toBe("HOST_NOT_ALLOWED");
      for (const other of ["10.0.0.1", "fe80::1", undefined]) expect(refusal([], host, other ?? "")).toBeNull();
    },
  );

  it("accepts the names that are listed, and then checks everywhere", () => {
    const names = ["Gateway.internal"];
    expect(refusal(names, "gateway.internal:80", "10.0.0.1")).toBeNull();
    expect(refusal(names, "gateway.internal.")).toBeNull();
    expect(refusal(names, "other.internal", "10.0.0.1")).toBe("HOST_NOT_ALLOWED");
    expect(refusal(names, "10.0.0.1", "10.0.0.1")).toBeNull();
  });

  it("accepts any name from callers who must authenticate, unless names are listed", () => {
    expect(refusal([], "evil.example", "127.0.0.1", null, false)).toBeNull();
    expect(refusal(["a"], "evil.example", "127.0.0.1", null, false)).toBe("HOST_NOT_ALLOWED");
  });

  it("checks the host of the request target if it has one", () => {
    expect(refusal([], "localhost", "127.0.0.1", "evil.example")).toBe("HOST_NOT_ALLOWED");
    expect(refusal([], "evil.example", "127.0.0.1", "localhost:1")).toBeNull();
  });

  it.each(["", "a b", "a@localhost", "localhost/", "[::1", "[localhost]", "localhost:x", "a,localhost", "é"])(
    "refuses %j, which is not a host",
    (host) => expect(refusal([], host)).toBe("BAD_REQUEST"),
  );

  it.each([[[]], [["a"]]])("accepts the gateway's own name, and no other for it, beside %j", (names) => {
    const request = (host: string) => ({ headers: { host }, socket: { localAddress: "127.0.0.1" } }) as IncomingMessage;
    const check = new HostCheck(names, true, "Gateway1.internal");
    expect(check.refusalOf(request("gateway1.internal:4000"), null)).toBeNull();
    expect(check.refusalOf(request("gateway2.internal:4000"), null)?.code).toBe("HOST_NOT_ALLOWED");
  });

  it("accepts a request without a host", () => expect(refusal(["a"], undefined)).toBeNull());
});
