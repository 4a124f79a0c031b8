import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { refusedRequestMs } from "../../../src/core/limits.js";
import { summary } from "../../support/raw-exchange.js";
import { call } from "../raw-http.js";
import { runNode } from "../running-node.js";

/** A connection whose client keeps its own side open, and the bytes that arrived on it. */
function open(port: number): { readonly socket: Socket; readonly text: () => string } {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return { socket, text: () => text };
}

const head = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");
/** Refused before its body is read. */
const refused = head("PUT /shard/2/store/a HTTP/1.1", "content-length: 10", "");

/** An error may precede the end; it does not matter. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

describe("the connections of a storage node", () => {
  it.each([
    ["no host", head("GET /health HTTP/1.1", ""), "400 BAD_REQUEST"],
    ["an expectation", head("GET /health HTTP/1.1", "host: localhost", "expect: more", ""), "400 BAD_REQUEST"],
    [
      "a compressed body in chunks",
      head("PUT /shard/2/store/a HTTP/1.1", "host: localhost", "transfer-encoding: gzip, chunked", "", "0", ""),
      "501 TRANSFER_ENCODING_NOT_SUPPORTED",
    ],
  ])("answer with a code to a request with %s", async (_, bytes, code) => {
    const { node } = await runNode();
    const { socket, text } = open(node.port);
    socket.write(bytes);
    await vi.waitFor(() => expect(summary(text())).toBe(code));
    expect(text().match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it("end after the answer to a write that is followed by garbage", async () => {
    const { clock, engine, node } = await runNode();
    engine.hold();
    const { socket, text } = open(node.port);
    const put = head("PUT /shard/2/store/a HTTP/1.1", "host: localhost", "content-length: 1", "");
    socket.write(`${put}1GARBAGE\r\n\r\n`);
    // Once this is answered, the garbage before it has been read.
    expect((await call(node.url, "/health")).status).toBe(200);
    const ended = once(socket, "end");
    engine.release();
    await ended;
    expect(text().match(/HTTP\/1\.1 .*/g)).toEqual(["HTTP/1.1 201 Created"]);
    expect(text().toLowerCase()).toContain("connection: close");
    // The client's side is still open: only a reset reveals that the other end is closed.
    const cut = closed(socket);
    await clock.advance(refusedRequestMs);
    const writing = setInterval(() => socket.write("more"), 50);
    await cut;
    clearInterval(writing);
  });

  it("are destroyed when a client whose bytes are not HTTP keeps its side open", async () => {
    const { node } = await runNode();
    const { socket, text } = open(node.port);
    socket.write("GARBAGE\r\n\r\n");
    await once(socket, "end");
    // The client's side is still open: only a reset reveals that the other end is closed.
    const writing = setInterval(() => socket.write("more"), 50);
    await closed(socket);
    clearInterval(writing);
    expect(summary(text())).toBe("400 BAD_REQUEST");
  });

  it("are destroyed when the rest of a refused body does not arrive", async () => {
    const { clock, node } = await runNode();
    const { socket, text } = open(node.port);
    socket.write(refused);
    await vi.waitFor(() => expect(summary(text())).toBe("400 BAD_REQUEST"));
    const ended = once(socket, "end");
    await clock.advance(refusedRequestMs);
    await ended;
  });

  it("are kept for the next request when the rest of a refused body arrives", async () => {
    const { clock, node } = await runNode();
    const { socket, text } = open(node.port);
    socket.write(refused);
    await vi.waitFor(() => expect(summary(text())).toBe("400 BAD_REQUEST"));
    socket.write("1".repeat(10));
    socket.write(head("GET /health HTTP/1.1", "host: localhost", ""));
    await vi.waitFor(() => expect(text()).toContain('"status":"ok"'));
    await clock.advance(refusedRequestMs);
    expect(socket.destroyed).toBe(false);
  });
});
