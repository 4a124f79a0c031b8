import { describe, expect, it } from "vitest";
import { parseRegistryPlace } from "../../../src/cli/registry/registry-place.js";
import { ownAddress } from "../../../src/cli/serve/gateway-address.js";

const usual = { host: "127.0.0.1", port: 4000, workers: 1 };
const shared = { ...usual, registry: parseRegistryPlace("--registry", "etcd://127.0.0.1:2379/prefix") };

describe("the address of a gateway", () => {
  it("is where it listens when other gateways share its registry, and its name is host and port", () => {
    expect(ownAddress(shared)()).toEqual({ name: "127.0.0.1:4000", url: "http://127.0.0.1:4000" });
    expect(ownAddress({ ...shared, host: "::1" })()).toEqual({ name: "[::1]:4000", url: "http://[::1]:4000" });
    expect(ownAddress({ ...shared, tlsCert: "x" })()).toMatchObject({ url: "https://127.0.0.1:4000" });
  });

  it("is what it was given", () => {
    const given = ownAddress({ ...shared, host: "0.0.0.0", advertise: "https://g1.internal:4000" })();
    expect(given).toEqual({ name: "g1.internal:4000", url: "https://g1.internal:4000" });
    expect(ownAddress({ ...shared, id: "g1" })()).toMatchObject({ name: "g1" });
  });

  it("is known once it listens when the system picks its port", () => {
    let listening: string | null = null;
    const address = ownAddress({ ...shared, port: 0 }, () => listening);
    expect(address()).toEqual({ name: "127.0.0.1:0", url: null });
    listening = "http://127.0.0.1:49152";
    expect(address()).toEqual({ name: "127.0.0.1:49152", url: "http://127.0.0.1:49152" });
  });

  it("is left out by a single gateway without the option, because no other process needs it", () => {
    expect(ownAddress(usual)()).toEqual({ name: null, url: null });
    expect(ownAddress({ ...usual, id: "g1", advertise: "http://g1:4000" })()).toEqual({
      name: "g1",
      url: "http://g1:4000",
    });
  });
});
