import { describe, expect, it } from "vitest";
import { clusterCaller, noTls, schemeOf } from "../../src/tls/tls-source.js";
import { RenewableTls } from "../support/renewable-tls.js";

const identity = { cert: "C", key: "K" };

describe("clusterCaller", () => {
  it("creates a caller from the current material, once per renewal", () => {
    const tls = new RenewableTls({ cluster: identity, clusterCa: "A" });
    const made: object[] = [];
    const caller = clusterCaller(tls, (options) => made.push(options));
    expect([caller(), caller()]).toEqual([1, 1]);
    tls.renew({ cluster: { cert: "C2", key: "K2" } });
    expect([caller(), caller()]).toEqual([2, 2]);
    expect(made).toEqual([
      { cert: "C", key: "K", ca: "A", minVersion: "TLSv1.2" },
      { cert: "C2", key: "K2", ca: "A", minVersion: "TLSv1.2" },
    ]);
  });

  it("without material, presents no certificate and trusts the CAs of Node.js", () => {
    expect(clusterCaller(noTls, (options) => options)()).toEqual({ minVersion: "TLSv1.2" });
    noTls.onRenewal(() => {})();
  });
});

describe("schemeOf", () => {
  it("returns https when there is a certificate for the server", () => {
    expect([schemeOf(noTls), schemeOf(new RenewableTls({ server: identity }))]).toEqual(["http", "https"]);
  });
});
