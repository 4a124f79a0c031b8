import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventReader } from "../../../src/console/model/event-text.js";

const text =
  'retry: 1000\n\nevent: cluster\ndata: {"a":1}\n\nevent: tick\ndata: {}\n\n: a comment\n\nevent: tick\ndata: {"b":"event: x"}\n\nevent: ti';
const events = [
  ["cluster", '{"a":1}'],
  ["tick", "{}"],
  ["tick", '{"b":"event: x"}'],
];

describe("the text of a stream", () => {
  it("has the same events wherever it is cut", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: text.length })), (cuts) => {
        const heard: string[][] = [];
        const take = eventReader((name, data) => heard.push([name, data]));
        const ends = [...cuts.toSorted((a, b) => a - b), text.length];
        let start = 0;
        for (const end of ends) {
          take(text.slice(start, end));
          start = end;
        }
        expect(heard).toEqual(events);
      }),
    );
  });
});
