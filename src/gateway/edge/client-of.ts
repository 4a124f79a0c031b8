/**
 * Whom a request counts for, when clients share what the gateway has: see fair-share.ts. Callers who prove who they are
 * count by their names, wherever they come from. Others count by the address that their connection comes from:
 * `X-Forwarded-For` is not looked at, because anybody can write it, so behind a proxy all of them are one client.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "../access/caller.js";

/** `caller`: null as long as nobody has looked, and where nobody has to say who they are. */
export function clientOf({ socket }: Pick<IncomingMessage, "socket">, caller: Pick<Caller, "name"> | null): string {
  return caller === null ? addressOf(socket) : `caller ${caller.name}`;
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
