import { createServer, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { afterEach, expect, it, vi } from "vitest";
import { LastAnswers } from "../../src/tls/last-answer.js";
import { FakeClock } from "../support/fake-clock.js";

const lingerMs = 1_000;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/**
 * A client that sends `requests`, then bytes that are not HTTP, and keeps its side open; and a server whose answers are
 * given by the test, which may begin them in `prepare`, before those bytes are sent.
 */
async function scene(requests: number, prepare: (responses: readonly ServerResponse[]) => void = () => {}) {
  const clock = new FakeClock();
  const last = new LastAnswers(clock, lingerMs);
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => void responses.push(response));
  let socket: Socket | undefined;
  server.on("connection", (opened) => (socket = opened));
  server.on("clientError", (_error, failed) => {
    const owed = responses.at(-1);
    if (!last.isEnding(failed) && owed !== undefined) last.endBehind(owed);
  });
  servers.push(server);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  client.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(requests));
  await vi.waitFor(() => expect(responses).toHaveLength(requests));
  prepare(responses);
  client.write("GARBAGE\r\n\r\n");
  await vi.waitFor(() => expect(socket !== undefined && last.isEnding(socket)).toBe(true));
  return { clock, responses, client, socket: () => socket, text: () => text };
}

const ended = (client: Socket): Promise<void> => new Promise((resolve) => client.once("end", () => resolve()));

it("ends a connection after the last answer that it owes, and announces that in it", async () => {
  const { responses, client, text } = await scene(2);
  const end = ended(client);
  responses[1]?.end("second");
  responses[0]?.end("first");
  await end;
  const [, first = "", second = ""] = text().split("HTTP/1.1 200 OK");
  expect(first).toMatch(/Connection: keep-alive\r\n[^]*first/);
  expect(second).toMatch(/Connection: close\r\n[^]*second/);
  client.destroy();
});

it("ends the connection after an answer whose head has been sent", async () => {
  const { responses, client, text } = await scene(1, ([response]) => response?.writeHead(200).write("begin"));
  const end = ended(client);
  responses[0]?.end("end");
  await end;
  expect(text()).toMatch(/keep-alive\r\n[^]*begin[^]*end/);
  client.destroy();
});

it("ends the connection at once when the whole answer has been sent", () => {
  const socket = Object.assign(new PassThrough(), { destroySoon: () => {} });
  const clock = new FakeClock();
  const last = new LastAnswers(clock, lingerMs);
  last.endBehind({ req: { socket }, writableFinished: true } as unknown as ServerResponse);
  expect([last.isEnding(socket), socket.writableEnded]).toEqual([true, true]);
});

it("keeps reading for a while, so that a client which still sends can read the answer, and then destroys the connection", async () => {
  const { clock, responses, client, socket, text } = await scene(1);
  const end = ended(client);
  responses[0]?.end("answer");
  client.write("x".repeat(1_000_000));
  await end;
  expect(text()).toContain("answer");
  expect(socket()?.destroyed).toBe(false);
  await clock.advance(lingerMs);
  expect(socket()?.destroyed).toBe(true);
  client.destroy();
});
