import http, { type IncomingMessage, type ServerResponse } from "node:http";
import net, { type AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readBody } from "../../../src/gateway/edge/request-body.js";
import { openRequests } from "./open-requests.js";

/** The result of reading the body of each request: its text, or its error's code. */
let read: string[];
let server: http.Server;
let port: number;
/** Awaited before a body is read. */
let pause: () => Promise<void>;

beforeEach(async () => {
  read = [];
  pause = async () => {};
  const { requests } = openRequests();
  server = http.createServer((request: IncomingMessage, response: ServerResponse) => {
    const begun = requests.begin(request, response);
    void pause()
      .then(() => readBody(begun, 1000))
      .then(
        (body) => read.push(body.toString()),
        (error: { code: string }) => read.push(error.code),
      )
      .then(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function head(length: number): string {
  return `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;
}

/** Sends the pieces one after another, and resolves when `answers` answers have arrived. */
async function send(pieces: readonly string[], answers = 1): Promise<void> {
  const socket = net.connect(port, "127.0.0.1");
  socket.setNoDelay();
  let received = "";
  const isAnswered = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString();
      if (received.split("HTTP/1.1 200").length > answers) resolve();
    });
  });
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await isAnswered;
  socket.destroy();
}

describe("a request body", () => {
  it.each([
    ["along with its head", [`${head(5)}hello`]],
    ["behind its head", [head(5), "hello"]],
    ["in pieces", [`${head(5)}he`, "l", "lo"]],
  ])("is read as it was sent, %s", async (_, pieces) => {
    await send(pieces);
    expect(read).toEqual(["hello"]);
  });

  it("may be empty", async () => {
    await send([head(0)]);
    expect(read).toEqual([""]);
  });

  it("may be read long after it arrived", async () => {
    pause = () => new Promise((resolve) => setTimeout(resolve, 50));
    await send([`${head(5)}hello`]);
    expect(read).toEqual(["hello"]);
  });

  it("is not mixed up with that of the next request on its connection", async () => {
    await send([`${head(3)}one${head(3)}two`], 2);
    expect(read).toEqual(["one", "two"]);
  });

  it.each([
    ["at once", [`${head(1001)}${"x".repeat(1001)}`]],
    ["before it comes", [head(1001)]],
  ])("is refused when it is too long, %s", async (_, pieces) => {
    await send(pieces);
    expect(read).toEqual(["BODY_TOO_LARGE"]);
  });

  it("is refused when it turns out to be too long", async () => {
    const chunk = `${(600).toString(16)}\r\n${"x".repeat(600)}\r\n`;
    await send([`POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n${chunk}`, `${chunk}0\r\n\r\n`]);
    expect(read).toEqual(["BODY_TOO_LARGE"]);
  });
});
