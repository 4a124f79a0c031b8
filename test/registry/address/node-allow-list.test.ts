import { describe, expect, it } from "vitest";
import { NodeAllowList } from "../../../src/registry/address/node-allow-list.js";

describe("NodeAllowList", () => {
  it("knows networks and single addresses of both families", () => {
    const list = new NodeAllowList("10.0.0.0/8, 192.168.1.7,fd00::/8,::1,10.1.2.3/31");
    for (const address of ["10.255.0.1", "192.168.1.7", "fd12::1", "::1", "::ffff:10.0.0.1", "fd00::1%eth0"]) {
      expect([address, list.allowsAddress(address)]).toEqual([address, true]);
    }
    for (const address of ["11.0.0.1", "192.168.1.8", "fe00::1", "::2", "127.0.0.1", "64:ff9b::10.0.0.1"]) {
      expect([address, list.allowsAddress(address)]).toEqual([address, false]);
    }
    expect([list.hasNetworks, list.allowsHost("node1")]).toEqual([true, false]);
  });

  it("knows a host name and every name beneath it, and none that merely ends like it", () => {
    const list = new NodeAllowList("Nodes.Internal.,.lan,node_1,localhost");
    for (const host of [
      "nodes.internal",
      "a.nodes.internal",
      "a.b.nodes.internal",
      "x.lan",
      "lan",
      "node_1",
      "localhost",
    ]) {
      expect([host, list.allowsHost(host)]).toEqual([host, true]);
    }
    for (const host of ["evilnodes.internal", "internal", "nodes.internal.evil", "xlan", "node_2", ""]) {
      expect([host, list.allowsHost(host)]).toEqual([host, false]);
    }
    expect([list.hasNetworks, list.allowsAddress("10.0.0.1")]).toEqual([false, false]);
  });

  it("takes the whole of a family", () => {
    const list = new NodeAllowList("0.0.0.0/0,::/0");
    expect([list.allowsAddress("8.8.8.8"), list.allowsAddress("2001:db8::1")]).toEqual([true, true]);
  });

  const wrong = [
    "10.0.0.0/33 fd00::/129 10.0.0.0/ 10.0.0.0/-1 10.0.0.0/8/8 10.0.0/8 nodes/8 /8 10.0.0.0/8x fe80::1%eth0 fe80::1%eth0/64",
    "[::1] 10.0.0.0/8, 10.0.0.256 0x7f.1 127.1 2130706433 *.internal a..b -a http://a a:80 nöde",
  ];
  it.each([...wrong.join(" ").split(" "), "", "a b"])("refuses %j", (text) => {
    expect(() => new NodeAllowList(text)).toThrow(/^The list of allowed storage nodes has /);
  });
});
