import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterPosts } from "../../src/tls/cluster-posts.js";
import { noTls } from "../../src/tls/tls-source.js";
import { FakeClock } from "../support/fake-clock.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(answer: RequestListener) {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const clock = new FakeClock();
  const headers = { authorization: "Bearer t" };
  const posts = new ClusterPosts({ headers, connections: 1, answerBytesMax: 100, clock, tls: noTls });
  opened.push(posts, server);
  return { clock, posts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/nodes` };
}

describe("ClusterPosts", () => {
  it("posts JSON with its headers, and gives status and content of any answer", async () => {
    const { posts, url } = await open((request, response) => {
      const { method, url: path, headers } = request;
      const sent = [method, path, headers["content-type"], headers.authorization];
      request.on("data", (body: Buffer) => response.writeHead(409).end(JSON.stringify([...sent, body.toString()])));
    });
    expect(await posts.post(url, '{"a":1}', 1_000)).toEqual({
      status: 409,
      content: ["POST", "/nodes", "application/json", "Bearer t", '{"a":1}'],
    });
  });

  it("has no content where the answer is not JSON", async () => {
    const { posts, url } = await open((_, response) => response.writeHead(502).end("<html>"));
    expect(await posts.post(url, "{}", 1_000)).toEqual({ status: 502, content: null });
  });

  it("gives up an answer that has not come whole in time", async () => {
    let hasBegun = (): void => undefined;
    const begun = new Promise<void>((resolve) => (hasBegun = resolve));
    const { posts, url, clock } = await open((_, response) => {
      response.write("[");
      hasBegun();
    });
    const answer = expect(posts.post(url, "{}", 1_000)).rejects.toThrow("No answer within 1000 ms.");
    await begun;
    await clock.advance(1_000);
    await answer;
  });

  it("does not read an answer that is too long", async () => {
    const { posts, url } = await open((_, response) => response.end(JSON.stringify("x".repeat(200))));
    await expect(posts.post(url, "{}", 1_000)).rejects.toThrow(/size/);
  });

  it("rejects calls in flight when it is closed", async () => {
    let arrived = (): void => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    const { posts, url } = await open(() => arrived());
    const answer = expect(posts.post(url, "{}", 1_000)).rejects.toThrow();
    await arrival;
    await posts.close();
    await answer;
  });
});
