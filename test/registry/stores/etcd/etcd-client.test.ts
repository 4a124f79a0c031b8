import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/cli/environment/system-clock.js";
import { registryCallMs } from "../../../../src/core/limits.js";
import { EtcdClient, type EtcdCredentials } from "../../../../src/registry/stores/etcd/etcd-client.js";
import { noTls } from "../../../../src/tls/tls-source.js";
import { FakeClock } from "../../../support/fake-clock.js";

interface Member {
  readonly origin: string;
  /** Path, and body as JSON, of every request. */
  readonly requests: (readonly [path: string, body: unknown, token: string | undefined])[];
}

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

const servers: Server[] = [];
const clients: EtcdClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe("EtcdClient", () => {
  it.each([
    ["breaks the connection", (response: ServerResponse) => response.destroy()],
    [
      "has no leader",
      (response: ServerResponse) => fail(response, 503, { message: "etcdserver: no leader", code: 14 }),
    ],
  ])("asks another member to read when one %s, and that one first from then on", async (_, answer) => {
    const [broken, good] = [await member(answer), await member(succeed)];
    const client = clientOf([broken, good]);
    expect(await client.call("/v3/kv/range", { key: "a" }, "read")).toEqual({ ok: true });
    expect(await client.call("/v3/kv/range", { key: "b" }, "read")).toEqual({ ok: true });
    expect(broken.requests).toHaveLength(1);
    expect(good.requests).toHaveLength(2);
  });

  it("never repeats a transaction that may have happened", async () => {
    const [broken, good] = [await member((response) => response.destroy()), await member(succeed)];
    const client = clientOf([broken, good]);
    await expect(client.call("/v3/kv/txn", {}, "transaction")).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(good.requests).toEqual([]);
    expect(await client.call("/v3/kv/txn", {}, "transaction")).toEqual({ ok: true });
  });

  it("sends a transaction to the next member when the first one does not listen", async () => {
    const good = await member(succeed);
    const client = clientOf([{ origin: await unusedOrigin() }, good]);
    expect(await client.call("/v3/kv/txn", {}, "transaction")).toEqual({ ok: true });
  });

  it("asks every member for each of several calls that fail at once", async () => {
    const good = await member(succeed);
    const client = clientOf([{ origin: await unusedOrigin() }, good]);
    const calls = (["read", "transaction", "read", "read"] as const).map((kind) => client.call("/v3/kv/txn", {}, kind));
    expect(await Promise.all(calls)).toEqual(calls.map(() => ({ ok: true })));
  });

  it("waits a bounded time for a member", async () => {
    const clock = new FakeClock();
    const silent = await member(() => clock.advance(registryCallMs));
    const client = clientOf([silent], { clock });
    await expect(client.call("/v3/kv/range", {}, "read")).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining(`no answer within ${registryCallMs} ms`),
    });
  });

  it("says what etcd answered when it refuses, and asks no other member", async () => {
    const answer: Answer = (response) => fail(response, 400, { message: "etcdserver: request is too large", code: 3 });
    const [one, other] = [await member(answer), await member(answer)];
    await expect(clientOf([one, other]).call("/v3/kv/txn", {}, "transaction")).rejects.toMatchObject({
      message: expect.stringContaining("etcd answered 400: etcdserver: request is too large"),
    });
    expect(other.requests).toEqual([]);
  });

  it.each([
    [{ error: "overloaded" }, "etcd answered 400: overloaded"],
    [{}, "etcd answered 400: nothing more"],
  ])("says what there is in the refusal %j", async (body, message) => {
    const refusing = await member((response) => fail(response, 400, body));
    await expect(clientOf([refusing]).call("/v3/kv/range", {}, "read")).rejects.toMatchObject({
      message: expect.stringContaining(message),
    });
  });

  it("refuses to go on without a token when it was given none for its name and password", async () => {
    const credentials = { name: "sg", password: async () => "secret" };
    const client = clientOf([await member(succeed)], { credentials });
    await expect(client.call("/v3/kv/range", {}, "read")).rejects.toMatchObject({
      message: expect.stringContaining("etcd gave no token"),
    });
  });

  it("reports an answer that goes on and breaks, unless it is no longer wanted", async () => {
    const breaking = await member((response) => {
      response.write('{"n":1}\n');
      setImmediate(() => response.destroy());
    });
    const signal = new AbortController().signal;
    await expect(clientOf([breaking]).stream("/v3/watch", {}, () => undefined, signal)).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
    });
  });

  it.each(["", "<html>", "7", '"text"'])("refuses %j for an answer of etcd", async (text) => {
    const other = await member((response) => response.end(text));
    await expect(clientOf([other]).call("/v3/kv/range", {}, "read")).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: expect.stringContaining("not that of etcd's JSON gateway"),
    });
  });

  it("proves who it is with a token, and draws another when that one is no longer accepted", async () => {
    let accepted = "";
    let drawn = 0;
    const guarded = await member((response, request) => {
      if (request.url === "/v3/auth/authenticate") response.end(JSON.stringify({ token: (accepted = `t${++drawn}`) }));
      else if (request.headers.authorization === accepted) succeed(response);
      else fail(response, 401, { message: "etcdserver: invalid auth token", code: 16 });
    });
    const client = clientOf([guarded], { credentials: { name: "sg", password: async () => "secret" } });
    expect(await client.call("/v3/kv/range", {}, "read")).toEqual({ ok: true });
    expect(guarded.requests[0]).toEqual(["/v3/auth/authenticate", { name: "sg", password: "secret" }, undefined]);
    accepted = "expired";
    expect(await client.call("/v3/kv/txn", {}, "transaction")).toEqual({ ok: true });
    expect(drawn).toBe(2);
  });

  it("requests a token with the current password after users were changed", async () => {
    const passwords = ["old", "new"];
    let drawn = 0;
    const guarded = await member((response, request, body) => {
      if (request.url === "/v3/auth/authenticate") {
        drawn++;
        response.end(JSON.stringify({ token: (JSON.parse(body) as { readonly password: string }).password }));
      } else if (request.headers.authorization === "new") succeed(response);
      else fail(response, 400, { message: "etcdserver: revision of auth store is old", code: 3 });
    });
    const password = async (): Promise<string> => passwords.shift() ?? "none left";
    const client = clientOf([guarded], { credentials: { name: "sg", password } });
    expect(await client.call("/v3/kv/txn", {}, "transaction")).toEqual({ ok: true });
    expect(drawn).toBe(2);
  });

  it("does not repeat a wrong name and password without end, and never reports the password", async () => {
    const guarded = await member((response) => fail(response, 400, { message: "authentication failed", code: 3 }));
    const client = clientOf([guarded], { credentials: { name: "sg", password: async () => "secret" } });
    const failure = await client.call("/v3/kv/range", {}, "read").catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: expect.stringContaining("authentication failed") });
    expect(String(failure)).not.toContain("secret");
    expect(guarded.requests).toHaveLength(1);
  });

  it("gives each line of an answer that goes on, however it is cut", async () => {
    const streaming = await member((response) => {
      response.write('{"n":1}\n{"n"');
      setImmediate(() => response.end(":2}\n"));
    });
    const lines: unknown[] = [];
    const signal = new AbortController().signal;
    await clientOf([streaming]).stream("/v3/watch", {}, (line) => lines.push(line), signal);
    expect(lines).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("ends an answer that goes on when it is no longer wanted", async () => {
    const end = new AbortController();
    const streaming = await member((response) => {
      response.write('{"n":1}\n');
    });
    await clientOf([streaming]).stream("/v3/watch", {}, () => end.abort(), end.signal);
    expect(streaming.requests).toHaveLength(1);
  });
});

async function member(answer: Answer): Promise<Member> {
  const requests: Member["requests"] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      requests.push([request.url ?? "", JSON.parse(body) as unknown, request.headers.authorization]);
      answer(response, request, body);
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

async function unusedOrigin(): Promise<string> {
  const { origin } = await member(succeed);
  await new Promise((resolve) => servers.pop()?.close(resolve));
  return origin;
}

function clientOf(
  members: readonly Pick<Member, "origin">[],
  {
    credentials = null,
    clock = systemClock,
  }: { readonly credentials?: EtcdCredentials | null; readonly clock?: typeof systemClock } = {},
): EtcdClient {
  const client = new EtcdClient({ members: members.map(({ origin }) => origin), credentials, tls: noTls, clock });
  clients.push(client);
  return client;
}

function succeed(response: ServerResponse): void {
  response.end('{"ok":true}');
}

function fail(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.end(JSON.stringify(body));
}
