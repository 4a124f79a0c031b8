import { expect, it } from "vitest";
import { pagesFrom } from "../../src/client/pages.js";

const cursors: Readonly<Record<string, string | null>> = { begin: "a", a: "b", b: null };

it("reads page after page, each when it is requested, until one has no cursor", async () => {
  const asked: (string | null)[] = [];
  const read = async (after: string | null) => {
    asked.push(after);
    return { cursor: cursors[after ?? "begin"] ?? null };
  };
  const pages = pagesFrom(null, read);
  expect(asked).toEqual([]);
  expect(await pages.next()).toEqual({ value: { cursor: "a" }, done: false });
  expect(asked).toEqual([null]);
  expect([await pages.next(), await pages.next()].map(({ value }) => value?.cursor)).toEqual(["b", null]);
  expect((await pages.next()).done).toBe(true);
  expect(asked).toEqual([null, "a", "b"]);
  expect((await pagesFrom("b", read).next()).value).toEqual({ cursor: null });
  expect(asked.at(-1)).toBe("b");
});
