import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GatewayOrder } from "../../../src/storage-node/membership/gateway-order.js";

const [a, b, c, leader] = ["http://a", "http://b", "http://c", "http://leader"] as const;

describe("the order in which a storage node asks its gateways", () => {
  it("is the given one at first", () => {
    expect(new GatewayOrder([a, b, c]).round(0)).toEqual([a, b, c]);
  });

  it("has a gateway once that was given twice", () => {
    const order = new GatewayOrder([a, b, a]);
    expect(order.round(0)).toEqual([a, b]);
    order.silent(b, 0);
    expect(order.round(0)).toEqual([a, b]);
  });

  it("begins with the gateway that answered last", () => {
    const order = new GatewayOrder([a, b, c]);
    order.answered(b, null, 0);
    expect(order.round(0)).toEqual([b, a, c]);
  });

  it("ends with the gateways that were silent", () => {
    const order = new GatewayOrder([a, b, c]);
    order.silent(a, 0);
    expect(order.round(3_000)).toEqual([b, c, a]);
    order.silent(b, 0);
    expect(order.round(3_000)).toEqual([c, a, b]);
  });

  it("has those that were silent in the last three seconds at its end", () => {
    const order = new GatewayOrder([a, b, c]);
    order.answered(a, c, 0);
    order.silent(b, 0);
    order.silent(c, 1_000);
    expect(order.round(2_999)).toEqual([a, b, c]);
    expect([a, b, c].map((url) => order.isSilent(url, 2_999))).toEqual([false, true, true]);
    expect([b, c].map((url) => order.isSilent(url, 3_000))).toEqual([false, true]);
    order.unable(c);
    expect(order.isSilent(c, 1_000)).toBe(false);
  });

  it("stays as it was when a gateway could do nothing for the node", () => {
    const order = new GatewayOrder([a, b]);
    order.unable(a);
    expect(order.round(0)).toEqual([a, b]);
  });

  it("begins with the leader that an answer named, whether it was given or not, until it is silent or unable", () => {
    const order = new GatewayOrder([a, b]);
    order.answered(a, leader, 0);
    order.answered(leader, null, 1);
    order.answered(leader, leader, 2);
    expect(order.round(0)).toEqual([leader, a, b]);
    order.unable(leader);
    expect(order.round(0)).toEqual([a, b]);
    order.answered(a, b, 3);
    expect(order.round(0)).toEqual([b, a]);
    order.silent(b, 4);
    expect(order.round(3_004)).toEqual([a, b]);
  });

  it("has no leader after another gateway's answer that names none", () => {
    const order = new GatewayOrder([a, b]);
    order.answered(a, leader, 0);
    order.answered(b, null, 0);
    expect(order.round(0)).toEqual([b, a]);
  });

  it("leaves out a leader that this node cannot reach for half a minute, whatever other gateways say", () => {
    const order = new GatewayOrder([a, b]);
    order.answered(a, leader, 0);
    order.silent(leader, 1_000);
    order.answered(a, leader, 30_999);
    expect(order.round(30_999)).toEqual([a, b]);
    order.answered(a, leader, 31_000);
    expect(order.round(31_000)).toEqual([leader, a, b]);
  });

  it("follows another leader at once, and the silent one as soon as it answered", () => {
    const order = new GatewayOrder([a, b, leader]);
    order.answered(a, leader, 0);
    order.silent(leader, 0);
    order.answered(a, b, 1);
    expect(order.round(3_000)).toEqual([b, a, leader]);
    order.answered(leader, null, 2);
    order.answered(b, leader, 3);
    expect(order.round(0)).toEqual([leader, b, a]);
  });

  it("never goes from https to http for a leader", () => {
    const order = new GatewayOrder(["https://a"]);
    order.answered("https://a", leader, 0);
    expect(order.round(0)).toEqual(["https://a"]);
    order.answered("https://a", "https://leader", 0);
    expect(order.round(0)).toEqual(["https://leader", "https://a"]);
  });

  it("begins anew after a refusal for good, so that a gateway of another cluster holds no node for long", () => {
    const order = new GatewayOrder([a, b]);
    order.silent(a, 0);
    order.answered(b, leader, 0);
    order.refused();
    expect(order.round(0)).toEqual([a, b]);
  });

  it("has each given gateway once, and at most one more", () => {
    const url = fc.constantFrom(a, b, c, leader);
    const step = fc.record({
      kind: fc.constantFrom("answered", "silent", "unable", "refused"),
      url,
      names: fc.option(url),
      afterMs: fc.integer({ min: 0, max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const order = new GatewayOrder([a, b, c]);
        let nowMs = 0;
        for (const { kind, url: asked, names, afterMs } of steps) {
          nowMs += afterMs;
          if (kind === "answered") order.answered(asked, names, nowMs);
          else if (kind === "silent") order.silent(asked, nowMs);
          else if (kind === "unable") order.unable(asked);
          else order.refused();
          const round = order.round(nowMs);
          expect(new Set(round).size).toBe(round.length);
          expect(round.filter((one) => one !== leader).toSorted()).toEqual([a, b, c]);
        }
      }),
    );
  });
});
