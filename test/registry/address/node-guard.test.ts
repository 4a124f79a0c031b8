import type { LookupAddress, LookupOptions } from "node:dns";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeAllowList } from "../../../src/registry/address/node-allow-list.js";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { NodeGuard, type Resolve } from "../../../src/registry/address/node-guard.js";
import { UndiciNodeClient } from "../../../src/routing/node-client/undici-node-client.js";
import { noTls } from "../../../src/tls/tls-source.js";
import { startBrokenServer } from "../../support/broken-server.js";
import { FakeClock } from "../../support/fake-clock.js";
import { resolver } from "../../support/node-names.js";
import { get, put, routed } from "../../support/operations.js";

const clock = new FakeClock();

function guardOf(allow: string | null = null, isHttpsOnly = false, resolve = resolver): NodeGuard {
  return new NodeGuard({ allowList: allow === null ? null : new NodeAllowList(allow), isHttpsOnly, resolve, clock });
}

describe("NodeGuard's lookup", () => {
  const lookUp = (guard: NodeGuard, host: string, options: LookupOptions) =>
    new Promise<unknown>((resolve) => {
      guard.lookup((problem) => new Error(problem))(host, options, (error, address, family) =>
        resolve(error ?? (typeof address === "string" ? [address, family] : address)),
      );
    });

  it("gives out only addresses that it allows, in the shape that is asked for", async () => {
    const good: LookupAddress = { address: "10.0.0.1", family: 4 };
    expect(await lookUp(guardOf(), "both.example", { all: true })).toEqual([good]);
    expect(await lookUp(guardOf(), "both.example", {})).toEqual(["10.0.0.1", 4]);
    expect(await lookUp(guardOf("internal"), "node1.internal.", {})).toEqual(["192.168.0.1", 4]);
  });

  it("gives out errors, its own and the resolver's", async () => {
    for (const options of [{}, { all: true }]) {
      expect(await lookUp(guardOf(), "evil.example", options)).toMatchObject({ message: /which is at 169/ });
      expect(await lookUp(guardOf(), "none.example", options)).toMatchObject({ message: /has no address/ });
      expect(await lookUp(guardOf(), "unknown.example", options)).toMatchObject({ code: "ENOTFOUND" });
    }
  });
});

describe("a client with a guard", () => {
  /** Every address that the process tried to connect to. */
  const attempts: string[] = [];
  const closers: (() => Promise<void>)[] = [];
  const onSocket = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    socket.on("connectionAttempt", (address: string) => attempts.push(address));
  };
  beforeEach(() => {
    attempts.length = 0;
    subscribe("net.client.socket", onSocket);
  });
  afterEach(async () => {
    unsubscribe("net.client.socket", onSocket);
    for (const close of closers.splice(0)) await close();
  });

  function clientOf(url: string, guard: NodeGuard): UndiciNodeClient {
    const facts = { clusterId: () => "c1", mayBePlain: () => true };
    const client = new UndiciNodeClient({ name: "node1", url, facts, guard, tls: noTls });
    closers.push(() => client.close());
    return client;
  }

  async function faultOf(client: UndiciNodeClient): Promise<NodeFault> {
    const error = await client
      .execute([routed(put("a", "1"))], { timeoutMs: 5_000 })
      .catch((caught: unknown) => caught);
    if (!(error instanceof NodeFault)) throw new Error(`No fault but ${String(error)}.`);
    return error;
  }

  // As they may stand in a registry file of an older version: parseNodeUrl would refuse some of them.
  it.each([
    ["http://evil.example:4001", "names evil.example, which is at 169.254.169.254, a link-local or metadata address"],
    ["https://evil.example:4001", "names evil.example, which is at 169.254.169.254, a link-local or metadata address"],
    ["http://evil6.example", "names evil6.example, which is at 64:ff9b::a9fe:a9fe, a link-local or metadata address"],
    ["http://169.254.169.254", "names 169.254.169.254, a link-local or metadata address"],
    ["http://[fe80::1]:4001", "names fe80::1, a link-local or metadata address"],
    ["http://[::ffff:a9fe:a9fe]", "names ::ffff:a9fe:a9fe, a link-local or metadata address"],
    ["http://0.0.0.0:4001", "names 0.0.0.0, an unspecified address"],
    ["http://2130706433:4001", "names 127.0.0.1, which the gateway does not allow"],
    ["https://node1.internal", "names node1.internal, which is at 192.168.0.1, which the gateway does not allow"],
  ])("opens no connection to %s", async (url, problem) => {
    const fault = await faultOf(clientOf(url, guardOf("10.0.0.0/8")));
    expect(fault).toMatchObject({ reason: "addressRefused", isUnsent: true });
    expect(fault.message).toBe(`storage node node1 (${url}) is not called: its URL ${problem}`);
    expect(attempts).toEqual([]);
  });

  it("opens no connection without TLS where https is demanded", async () => {
    const fault = await faultOf(clientOf("http://127.0.0.1:4001", guardOf(null, true)));
    expect([fault.reason, attempts]).toEqual(["addressRefused", []]);
  });

  it("connects to the address it judged, and judges anew when the name is bound to another one", async () => {
    const server = await startBrokenServer((response) => response.writeHead(404).end());
    closers.push(() => server.close());
    let addresses = ["127.0.0.1"];
    const asked: string[] = [];
    const resolve: Resolve = async (host) => {
      asked.push(host);
      return addresses.map((address) => ({ address, family: 4 }));
    };
    const { port } = new URL(server.url);
    const client = clientOf(`http://rebind.example:${port}`, guardOf(null, false, resolve));
    expect(await client.probe({ timeoutMs: 5_000 })).toMatchObject({ kind: "full" });
    expect([asked, attempts]).toEqual([["rebind.example"], ["127.0.0.1"]]);
    addresses = ["169.254.169.254"];
    await server.close();
    // The open connection ends; the next one would be to the address that the name has now.
    let fault: NodeFault | null = null;
    while (fault?.reason !== "addressRefused") fault = await faultOf(client);
    expect(fault.message).toContain("which is at 169.254.169.254");
    await expect(client.execute([routed(get("a"))], { timeoutMs: 5_000 })).rejects.toMatchObject({ isUnsent: true });
    expect(attempts).toEqual(["127.0.0.1"]);
  });
});
