import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reservedKind } from "../../../src/registry/address/reserved-address.js";

/** As the URL parser writes it. */
function normalised(address: string): string {
  const { hostname } = new URL(`http://${isIP(address) === 6 ? `[${address}]` : address}`);
  return hostname.replace(/^\[|\]$/g, "");
}

/** Every IPv6 form of an IPv4 address that leads, or once led, to it. */
function formsOf(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const groups = [a * 256 + b, c * 256 + d].map((group) => group.toString(16));
  return [
    `::ffff:${address}`,
    `::ffff:${groups.join(":")}`,
    `::ffff:0:${address}`,
    `64:ff9b::${address}`,
    `2002:${groups.join(":")}::1`,
    `2002:${groups.join(":")}:ffff:1:2:3:4`,
  ];
}

const kinds = {
  "a link-local or metadata address": [
    ["169.254.0.0", "169.254.169.254", "169.254.255.255", "100.100.100.200", "168.63.129.16", "192.0.0.192"],
    ["fe80::", "fe80::1%eth0", "febf::1", "fd00:ec2::254", "fd00:ec2::23", "fd00:42::42", "fd20:ce::254"],
  ],
  "an unspecified address": [["0.0.0.0", "0.255.255.255"], ["::"]],
  "a multicast or broadcast address": [
    ["224.0.0.1", "239.255.255.255", "255.255.255.255"],
    ["ff02::1", "ff0e::"],
  ],
  "an address that hides another one": [
    [],
    ["2001::1", "2001:0:a9fe:a9fe::", "64:ff9b:1::10.0.0.1", "64:ff9b:1:a9fe:a9:fe00::"],
  ],
} as const;

describe("reservedKind", () => {
  it.each(Object.entries(kinds))("knows %s in every form", (kind, [ipv4, ipv6]) => {
    for (const address of [...ipv4, ...ipv4.flatMap(formsOf), ...ipv6]) {
      expect([address, reservedKind(address)]).toEqual([address, kind]);
    }
    for (const address of ipv4.flatMap(formsOf)) expect(reservedKind(normalised(address))).toBe(kind);
  });

  it("knows IPv4-compatible addresses but for loopback", () => {
    expect(reservedKind("::169.254.169.254")).toBe("a link-local or metadata address");
    expect(reservedKind("::224.0.0.1")).toBe("a multicast or broadcast address");
    expect(reservedKind("::1")).toBeNull();
  });

  const ordinary = [
    "127.0.0.1 10.0.0.1 192.168.1.1 172.16.0.1 100.64.0.1 169.253.255.255 169.255.0.0 1.0.0.0 223.255.255.255 8.8.8.8",
    "255.255.255.254 100.100.100.201 168.63.129.17 fd00::1 fec0::1 2001:db8::1 2001:4860::8888 fd00:ec3::1 2003::1",
    "64:ff9b::10.0.0.1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 2002:a00:1::1",
  ];
  it.each(ordinary.join(" ").split(" "))("lets storage nodes live at %s", (address) => {
    expect(reservedKind(address)).toBeNull();
    expect(reservedKind(normalised(address))).toBeNull();
  });

  it("tells all of 169.254.0.0/16 and 224.0.0.0/4, whatever the form", () => {
    const hostile = fc.oneof(
      fc.tuple(fc.constant(169), fc.constant(254), fc.nat(255), fc.nat(255)),
      fc.tuple(fc.integer({ min: 224, max: 239 }), fc.nat(255), fc.nat(255), fc.nat(255)),
    );
    fc.assert(
      fc.property(hostile, fc.nat(6), (bytes, form) => {
        const address = bytes.join(".");
        expect(reservedKind([address, ...formsOf(address)][form] ?? "")).not.toBeNull();
      }),
    );
  });
});
