import { describe, expect, it } from "vitest";
import { acceptedType, acceptsEncoding, graphqlMediaTypes } from "../../src/gateway/accept.js";

const classic = "application/json";
const modern = "application/graphql-response+json";

describe("acceptedType", () => {
  it.each([
    [undefined, classic],
    ["", classic],
    ["*/*", classic],
    ["application/*", classic],
    [`${modern}, ${classic}`, modern],
    [`${classic}, ${modern}`, classic],
    [`${classic};q=0.5, ${modern}`, modern],
    [`${modern};q=0.5, ${classic};q=0.9`, classic],
    [`${modern} ; Q = 0.5 , ${classic};q=0.9`, classic],
    [`${classic};q=0, */*`, modern],
    [`${modern};q=0, */*;q=0.1`, classic],
    [`*/*, ${modern};q=0.1`, classic],
    [`application/*;q=0.1, ${modern};q=0.2, */*`, modern],
    ["Application/JSON; charset=utf-8", classic],
    [`${classic};q=0.1, ${classic};charset=utf-8`, classic],
    [`multipart/mixed;deferSpec=20220824, ${modern}, ${classic};q=0.9`, modern],
    [`${modern};q=2, ${classic}`, modern],
    [`${modern};q=many, ${classic};q=0.9`, modern],
  ])("chooses for %j the form %s", (accept, type) => {
    expect(acceptedType(accept, graphqlMediaTypes)).toBe(type);
  });

  it.each(["image/png", "*/*;q=0", `${classic};q=0`, `${classic};q=0.0, ${modern};q=-1`, "application/*;q=0", ","])(
    "chooses none for %j",
    (accept) => {
      expect(acceptedType(accept, graphqlMediaTypes)).toBeNull();
    },
  );

  it.each([
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "text/html"],
    ["text/html, application/xhtml+xml, */*", "text/html"],
    ["*/*", classic],
    ["application/json, text/html;q=0.5", classic],
    ["text/html;q=0, */*", classic],
  ])("distinguishes browsers from programs: %s gets %s", (accept, type) => {
    expect(acceptedType(accept, [...graphqlMediaTypes, "text/html"])).toBe(type);
  });
});

describe("acceptsEncoding", () => {
  it.each([
    ["gzip", true],
    ["br, gzip;q=0.1", true],
    ["*", true],
    [undefined, false],
    ["", false],
    ["br", false],
    ["gzip;q=", true],
    ["gzip;q=0", false],
    ["gzip;q=0, *", false],
    ["*;q=0", false],
    ["x-gzip2", false],
  ])("returns for %j that gzip is accepted: %s", (header, isAccepted) => {
    expect(acceptsEncoding(header, "gzip")).toBe(isAccepted);
  });
});
