/**
 * Whom a request counts for, when clients share what the gateway has: see fair-share.ts. It is the address that the
 * connection comes from. `X-Forwarded-For` is not looked at, because anybody can write it; behind a proxy all requests
 * are one client's, whose share is then half of everything.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export function clientOf({ socket }: Pick<IncomingMessage, "socket">): string {
  return addressOf(socket);
}

/** The address of the other end. An IPv6 network of 64 bits is one: whoever has one of its addresses has all of them. */
export function addressOf({ remoteAddress = "" }: Pick<Socket, "remoteAddress">): string {
  if (!remoteAddress.includes(":")) return remoteAddress;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined) return mapped;
  const [front = "", back] = remoteAddress.split("::");
  const groups = front === "" ? [] : front.split(":");
  const rest = back === undefined || back === "" ? [] : back.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - rest.length) }, () => "0");
  return [...groups, ...zeros, ...rest].slice(0, 4).join(":");
}
