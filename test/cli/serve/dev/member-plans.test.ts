import { describe, expect, it } from "vitest";
import {
  devPorts,
  gatewayPlans,
  nodePlans,
  postgresPlan,
  type DevOptions,
} from "../../../../src/cli/serve/dev/member-plans.js";
import { parseLogLevels } from "../../../../src/cli/serve/telemetry/log-level.js";

const options: DevOptions = {
  port: 4000,
  host: "127.0.0.1",
  gateways: 3,
  nodes: 2,
  data: "data",
  engine: "lmdb",
  playground: true,
  console: true,
  logLevel: parseLogLevels("info"),
  traceSample: 1,
};
const registry = { kind: "postgres", url: "postgres://shardgate@127.0.0.1:4005/postgres" } as const;

/** What stands behind `name` in each of the plans. */
function each(plans: readonly { readonly args: readonly string[] }[], name: string): readonly (string | undefined)[] {
  return plans.map(({ args }) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined));
}

describe("the members of a dev cluster", () => {
  it("have the ports after --port: storage nodes, further gateways, PostgreSQL", () => {
    expect(devPorts(options)).toEqual({ gateways: [4000, 4003, 4004], nodes: [4001, 4002], postgres: 4005 });
    expect(devPorts({ ...options, port: 0 })).toEqual({ gateways: [0, 0, 0], nodes: [0, 0], postgres: 0 });
    expect(each([postgresPlan(options)], "--port")).toEqual(["4005"]);
    expect(each(nodePlans(options, ["http://a", "http://b"], registry), "--port")).toEqual(["4001", "4002"]);
  });

  it.each([
    ["127.0.0.1", "http://127.0.0.1:4003"],
    ["0.0.0.0", "http://127.0.0.1:4003"],
    ["::", "http://[::1]:4003"],
    ["::1", "http://[::1]:4003"],
    ["localhost", "http://localhost:4003"],
  ])("have gateways that are called at the address of --host %s, or on loopback", (host, url) => {
    expect(each(gatewayPlans({ ...options, host }, registry), "--advertise")[1]).toBe(url);
  });

  it("have gateways that say where they listen when they pick their ports", () => {
    expect(each(gatewayPlans({ ...options, port: 0 }, registry), "--advertise")).toEqual(Array(3).fill(undefined));
  });

  it("have storage nodes over the PostgreSQL of the folder when that is the engine, and none of them has a folder", () => {
    const plans = nodePlans({ ...options, engine: "postgres" }, ["http://a"], registry);
    expect(each(plans, "--store")).toEqual([registry.url, registry.url]);
    expect(each(plans, "--store-password-file")).toEqual(Array(2).fill("data/postgres/password"));
    expect(plans.flatMap(({ args }) => args)).not.toContain("--data");
    const [gateway] = gatewayPlans({ ...options, engine: "postgres" }, registry);
    expect(gateway?.args).toContain("--auto-rebalance");
    expect(plans.map(({ role }) => role)).toEqual(Array(2).fill("storage node, data in PostgreSQL"));
    expect(postgresPlan({ ...options, engine: "postgres" }).role).toBe("registry and data, in PostgreSQL");
  });

  it("have storage nodes with folders beside a PostgreSQL that has the registry alone", () => {
    const plans = nodePlans(options, ["http://a"], registry);
    expect([each(plans, "--data"), each(plans, "--store")]).toEqual([Array(2).fill("data"), Array(2).fill(undefined)]);
    expect(postgresPlan(options).role).toBe("registry of the gateways, in PostgreSQL");
  });

  it("never have a password in their arguments", () => {
    expect(each(gatewayPlans(options, registry), "--registry-password-file")).toEqual(
      Array(3).fill("data/postgres/password"),
    );
    const named = gatewayPlans(options, { kind: "url", url: "postgres://u@db/x" });
    expect(each(named, "--registry-password-file")).toEqual(Array(3).fill(undefined));
  });

  it("are one gateway with a registry file, as before there were several", () => {
    const [plan] = gatewayPlans({ ...options, gateways: 1 }, { kind: "file" });
    expect(plan?.name).toBe("gateway");
    expect(plan?.args).not.toContain("--advertise");
    expect(plan?.args.join(" ")).toContain("--registry data/registry.json");
  });
});
