/** The delay that stands for a network: of requests, and of everything that comes in on an upgraded connection. */
import { Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import { benchModule } from "./bench-module.js";

const { delayArrivals } = await benchModule<{
  delayArrivals: (prototype: object, later: (callback: () => void) => void) => void;
}>("delayed-server.mjs");

/** A server that notes what reaches it, a connection to it, and what is on its way: `arrive` lets the oldest through. */
async function openServer() {
  const onTheWay: (() => void)[] = [];
  const seen: string[] = [];
  class DelayedServer extends Server {}
  delayArrivals(DelayedServer.prototype, (callback) => onTheWay.push(callback));
  const server = new DelayedServer();
  server.on("request", (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end();
  });
  server.on("upgrade", (_request, socket: Socket) => {
    seen.push("upgrade");
    socket.on("data", (chunk: Buffer) => seen.push(chunk.toString()));
    socket.on("end", () => seen.push("end"));
    socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("data", () => {});
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const arrive = async (): Promise<void> => {
    await vi.waitUntil(() => onTheWay.length > 0);
    onTheWay.shift()?.();
  };
  return { seen, onTheWay, socket, arrive };
}

it("delivers a request to its server after the delay, and not before", async () => {
  const { seen, onTheWay, socket, arrive } = await openServer();
  socket.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
  await vi.waitUntil(() => onTheWay.length > 0);
  expect(seen).toEqual([]);
  await arrive();
  expect(seen).toEqual(["GET /a"]);
});

it("delays the upgrade, the bytes after it, and its end, in that order", async () => {
  const { seen, onTheWay, socket, arrive } = await openServer();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  await arrive();
  expect(seen).toEqual(["upgrade"]);
  socket.end("frame");
  await vi.waitUntil(() => onTheWay.length === 2);
  expect(seen).toEqual(["upgrade"]);
  await arrive();
  await vi.waitUntil(() => seen.length > 1);
  await arrive();
  await vi.waitUntil(() => seen.length > 2);
  expect(seen).toEqual(["upgrade", "frame", "end"]);
});
