import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { GatewayClient, clientAnswerBytesMax } from "../../../src/cli/calls/gateway-client.js";

describe("GatewayClient", () => {
  it("gives up when no answer arrives in time", async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    const client = new GatewayClient({ endpoints: [endpoint], timeoutMs: 50, token: null, ca: null });
    const answer = await client.post("{}");
    expect(answer).toMatchObject({ kind: "failure", isRetryable: true, isTooLarge: false, isUnsent: false });
    expect(answer).toHaveProperty("reason", expect.stringContaining("timeout"));
    await client.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("stays with the gateway that it could connect to, until that one is away", async () => {
    const calls: string[] = [];
    const servers = await Promise.all(
      ["a", "b"].map(async (name) => {
        const server = createServer((_request, response) => {
          calls.push(name);
          response.setHeader("connection", "close").end('{"data":{}}');
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        return server;
      }),
    );
    const endpoints = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`);
    const close = (index: number) => new Promise((resolve) => servers[index]?.close(resolve));
    const client = new GatewayClient({ endpoints, timeoutMs: 5_000, token: null, ca: null });
    await client.post("{}");
    await close(0);
    await client.post("{}");
    await client.post("{}");
    expect(calls).toEqual(["a", "b", "b"]);
    await close(1);
    expect(await client.post("{}")).toMatchObject({ kind: "failure", isUnsent: true, isRetryable: true });
    await client.close();
  });

  it.each([
    ["says how long it is", { "content-length": String(clientAnswerBytesMax + 1) }],
    ["does not say how long it is", {}],
  ])("refuses an answer that is too large, when it %s", async (_, headers) => {
    const part = Buffer.alloc(1024 * 1024, " ");
    const server = createServer((_request, response) => {
      response.writeHead(200, headers);
      const more = () => {
        while (!response.destroyed && response.write(part));
      };
      response.on("drain", more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
    const client = new GatewayClient({ endpoints: [endpoint], timeoutMs: 60_000, token: null, ca: null });
    const closed = new Promise((resolve) =>
      server.once("connection", (socket) => socket.on("error", () => {}).on("close", resolve)),
    );
    expect(await client.post("{}")).toMatchObject({ kind: "failure", isRetryable: false, isTooLarge: true });
    // Closed before the client: it does not wait for the rest of the answer.
    await closed;
    await client.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
