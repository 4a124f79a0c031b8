import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { headersRefusal, targetOf, gatewayHeadersMax } from "../../../src/gateway/edge/unusual-requests.js";

it.each([
  ["http://a:1/data/a%252Fb?ttl=1", "/data/a%252Fb?ttl=1", "a:1"],
  ["HTTPS://a", "/", "a"],
  ["http://a?b=http://c/d", "/?b=http://c/d", "a"],
  ["http:///a", "/a", ""],
])("splits the target %s into %s", (target, form, host) => {
  expect(targetOf(target)).toEqual({ form, host });
});

it.each(["/data/a%252Fb?ttl=1", "/http://a/b", "//a/graphql", "*", "ftp://a/graphql"])(
  "uses the target %s unchanged",
  (target) => expect(targetOf(target)).toBeNull(),
);

describe("headersRefusal", () => {
  const refusal = (rawHeaders: readonly string[], httpVersion = "1.1", headers = {}) =>
    headersRefusal({ headers, rawHeaders, httpVersion } as unknown as IncomingMessage)?.code ?? null;

  it("requires one host, which HTTP/1.0 may omit", () => {
    expect(refusal(["Host", "a", "ghost", "b"])).toBeNull();
    expect(refusal(["accept", "host"])).toBe("BAD_REQUEST");
    expect(refusal([], "1.0")).toBeNull();
    expect(refusal(["host", "a", "HOST", "a"])).toBe("BAD_REQUEST");
    expect(refusal(["host", "a", "Host", "b"], "1.0")).toBe("BAD_REQUEST");
  });

  it("refuses a body with another transfer coding than chunked", () => {
    const code = (transferEncoding: string) => refusal(["host", "a"], "1.1", { "transfer-encoding": transferEncoding });
    expect([code("chunked"), code("gzip, chunked")]).toEqual([null, "TRANSFER_ENCODING_NOT_SUPPORTED"]);
  });

  it("bounds the number of headers", () => {
    const headers = (count: number) => ["host", "a", ...Array.from({ length: 2 * (count - 1) }, () => "a")];
    expect(refusal(headers(gatewayHeadersMax))).toBeNull();
    expect(refusal(headers(gatewayHeadersMax + 1))).toBe("HEADERS_TOO_LARGE");
  });
});
