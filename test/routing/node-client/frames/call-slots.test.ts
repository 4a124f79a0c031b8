import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CallSlots } from "../../../../src/routing/node-client/frames/call-slots.js";

interface TestCall {
  readonly id: number;
}

describe("CallSlots", () => {
  it("finds each call by its id as a Map does, whatever begins and ends in between", () => {
    // A number ends the call at that index among those in flight; null begins one.
    const step = fc.oneof(fc.constant(null), fc.nat(40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const slots = new CallSlots<TestCall>();
        const model = new Map<number, TestCall>();
        for (const at of steps) {
          const ended = at === null ? undefined : [...model.values()][at];
          if (ended !== undefined) {
            slots.delete(ended);
            model.delete(ended.id);
            expect(slots.get(ended.id)).toBeNull();
          } else {
            const call = { id: slots.nextId() };
            expect(model.has(call.id)).toBe(false);
            slots.add(call);
            model.set(call.id, call);
          }
          expect(slots.size).toBe(model.size);
          for (const call of model.values()) expect(slots.get(call.id)).toBe(call);
        }
        expect([...slots.all()].toSorted((a, b) => a.id - b.id)).toEqual([...model.values()]);
      }),
    );
  });

  it("does not match a late answer to an ended call with the call that has its slot now", () => {
    const slots = new CallSlots<TestCall>();
    const stuck = { id: slots.nextId() };
    slots.add(stuck);
    const ended: TestCall[] = [];
    for (let count = 0; count < 20; count++) {
      const call = { id: slots.nextId() };
      slots.add(call);
      slots.delete(call);
      ended.push(call);
    }
    const last = { id: slots.nextId() };
    slots.add(last);
    for (const { id } of ended) expect(slots.get(id)).toBeNull();
    expect(slots.get(stuck.id)).toBe(stuck);
    expect(slots.get(last.id)).toBe(last);
  });

  it("ends a call once, however often that is requested", () => {
    const slots = new CallSlots<TestCall>();
    const call = { id: slots.nextId() };
    slots.add(call);
    slots.delete(call);
    slots.delete(call);
    expect(slots.size).toBe(0);
    expect(slots.all()).toEqual([]);
  });
});
