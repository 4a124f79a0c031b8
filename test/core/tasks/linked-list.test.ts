import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinkedList, type Linked } from "../../../src/core/tasks/linked-list.js";

interface Item extends Linked<Item> {
  readonly name: number;
}

function item(name: number): Item {
  return { name, previous: null, next: null, isListed: false };
}

const namesIn = (list: LinkedList<Item>): readonly number[] => [...list].map(({ name }) => name);

describe("a linked list", () => {
  it("contains what a Set would, in the same order, whatever is added and deleted", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }), (steps) => {
        const items = Array.from({ length: 10 }, (_, name) => item(name));
        const list = new LinkedList<Item>();
        const model = new Set<number>();
        for (const name of steps) {
          const one = items[name] as Item;
          expect(one.isListed).toBe(model.has(name));
          if (model.has(name)) {
            expect(list.delete(one)).toBe(true);
            model.delete(name);
          } else {
            list.add(one);
            model.add(name);
          }
          expect(namesIn(list)).toEqual([...model]);
          expect(list.size).toBe(model.size);
        }
      }),
    );
  });

  it("ignores the deletion of an item that is not in it", () => {
    const list = new LinkedList<Item>();
    list.add(item(1));
    expect(list.delete(item(2))).toBe(false);
    expect(namesIn(list)).toEqual([1]);
  });

  it("keeps no reference from a deleted item", () => {
    const list = new LinkedList<Item>();
    const items = [item(1), item(2), item(3)] as const;
    for (const one of items) list.add(one);
    list.delete(items[1]);
    expect(items[1]).toEqual(item(2));
    expect(namesIn(list)).toEqual([1, 3]);
  });

  it("allows the deletion of the current item during iteration", () => {
    const list = new LinkedList<Item>();
    for (const name of [1, 2, 3]) list.add(item(name));
    const seen: number[] = [];
    for (const one of list) {
      seen.push(one.name);
      list.delete(one);
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(list.size).toBe(0);
  });
});
