/**
 * Which client a request counts for when clients share a resource: see fair-share.ts. Authenticated callers count by
 * name, wherever they connect from. Others count by the address of their connection. `X-Forwarded-For` is ignored
 * because anyone can set it, so all clients behind one proxy count as one.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "../access/caller.js";

/** `caller`: null before authentication, and where none is required. */
export function clientOf({ socket }: Pick<IncomingMessage, "socket">, caller: Pick<Caller, "name"> | null): string {
  return caller === null ? addressOf(socket) : `caller ${caller.name}`;
}

/** The address of the peer. An IPv6 network of 64 bits counts as one address, because its owner can use all of them. */
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
