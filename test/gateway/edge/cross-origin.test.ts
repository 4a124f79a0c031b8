import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { CrossOrigin } from "../../../src/gateway/edge/cross-origin.js";

type Headers = Readonly<Record<string, string>>;

function request(method: string, headers: Headers = {}): IncomingMessage {
  return { method, headers: { host: "localhost:4000", ...headers } } as unknown as IncomingMessage;
}

/** The headers that are set, and the status if the request is answered. */
function answer(origins: readonly string[], method: string, headers: Headers) {
  const set: Record<string, unknown> = {};
  const response = {
    setHeader: (name: string, value: unknown) => (set[name] = value),
    writeHead: (status: number) => {
      set["status"] = status;
      return { end() {} };
    },
  } as unknown as ServerResponse;
  const crossOrigin = new CrossOrigin(origins);
  const added: string[] = [];
  crossOrigin.addHeaders(request(method, headers), added);
  for (let at = 0; at < added.length; at += 2) set[added[at] ?? ""] = added[at + 1];
  return { isAnswered: crossOrigin.answerPreflight(request(method, headers), response), set };
}

const app = "https://app.example";
const preflight = { origin: app, "access-control-request-method": "PUT" };

describe("requests of web pages", () => {
  const refusal = (origins: readonly string[], method: string, headers: Headers = {}) =>
    new CrossOrigin(origins).refusalOf(request(method, headers))?.code ?? null;

  it.each([
    ["a program", {}, null],
    ["our own page", { origin: "http://localhost:4000" }, null],
    ["our own page, over TLS", { origin: "https://LOCALHOST:4000", "sec-fetch-site": "same-origin" }, null],
    ["our own page behind a proxy", { origin: app, "sec-fetch-site": "same-origin" }, null],
    ["a person", { "sec-fetch-site": "none" }, null],
    ["another page", { origin: app }, "ORIGIN_NOT_ALLOWED"],
    ["a page on another port", { origin: "http://localhost:4001" }, "ORIGIN_NOT_ALLOWED"],
    ["another page that says so", { origin: app, "sec-fetch-site": "cross-site" }, "ORIGIN_NOT_ALLOWED"],
    [
      "a page of the same site",
      { origin: "http://localhost:4000", "sec-fetch-site": "same-site" },
      "ORIGIN_NOT_ALLOWED",
    ],
    ["a page without an origin", { "sec-fetch-site": "cross-site" }, "ORIGIN_NOT_ALLOWED"],
    ["a sandbox", { origin: "null" }, "ORIGIN_NOT_ALLOWED"],
  ])("may change something, or not: %s", (_who, headers, code) => {
    for (const method of ["POST", "PUT", "DELETE"]) expect(refusal([], method, headers)).toBe(code);
    for (const method of ["GET", "HEAD", "OPTIONS"]) expect(refusal([], method, headers)).toBeNull();
  });

  it("may be listed, or all of them may be", () => {
    expect(refusal([app], "POST", { origin: app, "sec-fetch-site": "cross-site" })).toBeNull();
    expect(refusal([app], "POST", { origin: "https://app.example.evil" })).toBe("ORIGIN_NOT_ALLOWED");
    expect(refusal([app], "POST", { origin: "null" })).toBe("ORIGIN_NOT_ALLOWED");
    expect(refusal(["*"], "POST", { origin: app })).toBeNull();
  });

  it("get a preflight answer with the reason when they are not listed", () => {
    expect(refusal([], "OPTIONS", preflight)).toBe("ORIGIN_NOT_ALLOWED");
    expect(refusal([app], "OPTIONS", preflight)).toBeNull();
  });
});

describe("answers to requests of web pages", () => {
  it("have no CORS headers when no origin is listed", () => {
    expect(answer([], "GET", { origin: app })).toEqual({ isAnswered: false, set: {} });
    expect(answer([], "OPTIONS", preflight)).toEqual({ isAnswered: false, set: {} });
  });

  it("are readable by pages of listed origins, never with credentials", () => {
    const { set } = answer([app], "GET", { origin: app });
    expect(set).toMatchObject({ vary: "origin", "access-control-allow-origin": app });
    expect(String(set["access-control-expose-headers"]).split(", ")).toEqual(
      expect.arrayContaining(["etag", "x-shard", "x-node", "x-request-id", "retry-after"]),
    );
    expect(set).not.toHaveProperty("access-control-allow-credentials");
    expect(answer([app], "GET", { origin: "https://evil" }).set).toEqual({ vary: "origin" });
    expect(answer([app], "GET", {}).set).toEqual({ vary: "origin" });
    expect(answer(["*"], "GET", { origin: app }).set).toMatchObject({ "access-control-allow-origin": "*" });
    expect(answer(["*"], "GET", {}).set).toEqual({});
  });

  it("allow what a preflight asks for", () => {
    const { isAnswered, set } = answer([app], "OPTIONS", {
      ...preflight,
      "access-control-request-headers": "content-type,if-match",
    });
    expect(isAnswered).toBe(true);
    expect(set).toMatchObject({
      status: 204,
      "access-control-allow-origin": app,
      "access-control-allow-methods": "GET, HEAD, POST, PUT, DELETE",
      "access-control-allow-headers": "content-type,if-match",
      "access-control-max-age": 7200,
    });
    expect(answer([app], "OPTIONS", preflight).set).not.toHaveProperty("access-control-allow-headers");
  });

  it("are not preflight answers for other OPTIONS requests", () => {
    expect(answer([app], "OPTIONS", { origin: app }).isAnswered).toBe(false);
    expect(answer([app], "GET", preflight).isAnswered).toBe(false);
  });
});
