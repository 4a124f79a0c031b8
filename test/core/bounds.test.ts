import { describe, expect, it } from "vitest";
import {
  boundName,
  boundProperties,
  boundRules,
  defaultBounds,
  parseBounds,
  shareOf,
  unshareable,
} from "../../src/core/bounds.js";

describe("the configurable bounds", () => {
  it.each(boundProperties)("accept the default of %s", (property) => {
    const { least, most } = boundRules[property];
    expect(defaultBounds[property]).toBeGreaterThanOrEqual(least);
    expect(defaultBounds[property]).toBeLessThanOrEqual(most);
    expect(parseBounds(`${boundName(property)}=${defaultBounds[property]}`)).toEqual({
      [property]: defaultBounds[property],
    });
  });
});

describe("shareOf", () => {
  it("divides bounds that each process counts, and no others, so that the sum does not exceed the whole", () => {
    const bounds = { ...defaultBounds, requests: 10, connections: 7 };
    const share = shareOf(bounds, 3);
    expect([share.requests, share.connections]).toEqual([3, 2]);
    expect(boundProperties.filter((property) => share[property] !== bounds[property])).toEqual([
      "requests",
      "clientRequests",
      "bodiesBytes",
      "answersBytes",
      "connections",
    ]);
    expect(shareOf(bounds, 1)).toEqual(bounds);
  });

  it("needs at least one for each process", () => {
    expect(unshareable({ ...defaultBounds, requests: 2, clientRequests: 1 }, 2)).toEqual(["client-requests"]);
    expect(unshareable(defaultBounds, 256)).toEqual([]);
  });
});

describe("parseBounds", () => {
  it("accepts several, of which the last counts", () => {
    expect(parseBounds("batch-keys=5, value-depth=0,batch-keys=6")).toEqual({ batchKeys: 6, valueDepth: 0 });
  });

  it.each([
    ["", '"" is not a limit'],
    ["batchKeys=5", '"batchKeys" is not a limit'],
    ["__proto__=5", "is not a limit"],
    ["batch-keys=5,", '"" is not a limit'],
    ["batch-keys", "whole number from 1 to 10000"],
    ["batch-keys=0", "whole number from 1 to 10000"],
    ["batch-keys=10001", "whole number from 1 to 10000"],
    ["batch-keys=1e3", "whole number from 1 to 10000"],
    ["batch-keys=5=5", "whole number from 1 to 10000"],
  ])("refuses %j", (text, message) => {
    expect(() => parseBounds(text)).toThrowError(
      expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining(message) }),
    );
  });
});
