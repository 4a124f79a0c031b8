import { expect, it } from "vitest";
import { parseKey } from "../../src/core/key.js";
import { parseShard } from "../../src/core/shard.js";
import { dataPath, entryPath } from "../../src/wire/paths.js";

it("encodes the key as one segment", () => {
  expect(entryPath(parseShard(2), parseKey("a/b?c#d"))).toBe("/shard/2/store/a%2Fb%3Fc%23d");
  expect(dataPath(parseKey("a%2Fb"))).toBe("/data/a%252Fb");
});
