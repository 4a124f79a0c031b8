import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey, type JWTPayload } from "jose";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  jsonWebTokenVerifier,
  parseKeySet,
  remoteKeySet,
  type KeySet,
} from "../../../src/gateway/access/json-web-tokens.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";

const issuer = "https://issuer.example";
const audience = "shardgate";
const nowS = Date.parse("2026-01-31T12:00:00Z") / 1000;
const claims = { sub: "ada", iss: issuer, aud: audience, exp: nowS + 60, shardgate: ["read:a/", "write:b/"] };

let keys: { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };
let foreign: typeof keys;
let keySetText: string;

beforeAll(async () => {
  [keys, foreign] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
  keySetText = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "ES256" }] });
});

const signed = (payload: JWTPayload, key = keys.privateKey, header = { alg: "ES256", kid: "k1" }) =>
  new SignJWT(payload).setProtectedHeader(header).sign(key);

function setUp(keySet: KeySet = parseKeySet(keySetText)) {
  const clock = new FakeClock();
  const log = new RecordLog();
  const verifier = jsonWebTokenVerifier({ issuer, audience, keys: () => keySet, clock, log });
  return { clock, log, ask: async (token: string) => verifier.callerOf(token) };
}

describe("a JSON Web Token", () => {
  it("contains the caller's name and grants", async () => {
    const caller = await setUp().ask(await signed(claims));
    expect(caller).toMatchObject({ name: "ada", isNode: false, permissions: { isAdmin: false } });
    const { permissions } = caller ?? {};
    expect([permissions?.mayRead("a/1"), permissions?.mayWrite("a/1"), permissions?.mayWrite("b/1")]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it("grants nothing without the claim", async () => {
    const { shardgate: _none, ...rest } = claims;
    const caller = await setUp().ask(await signed(rest));
    expect(caller?.permissions.mayRead("a/1")).toBe(false);
  });

  it("is valid until it expires, plus a tolerance for clocks that differ", async () => {
    const { ask, clock } = setUp();
    const token = await signed(claims);
    await clock.advance(64_000);
    expect(await ask(token)).not.toBeNull();
    await clock.advance(2_000);
    expect(await ask(token)).toBeNull();
  });

  it.each([
    ["another issuer", { ...claims, iss: "https://other.example" }],
    ["another audience", { ...claims, aud: "other" }],
    ["no expiry", { ...claims, exp: undefined }],
    ["no name", { ...claims, sub: undefined }],
    ["an empty name", { ...claims, sub: "" }],
    ["the name of the storage nodes", { ...claims, sub: "storage-node" }],
    ["the name of nobody in particular", { ...claims, sub: "anyone" }],
    ["a name with a line break", { ...claims, sub: "a\nb" }],
    ["a name that is none", { ...claims, sub: 5 as unknown as string }],
    ["a start that is to come", { ...claims, nbf: nowS + 60 }],
    ["grants that are no list", { ...claims, shardgate: "admin" }],
    ["grants that are no texts", { ...claims, shardgate: [{ role: "admin" }] }],
    ["a grant that is none", { ...claims, shardgate: ["read:a/", "owner:x"] }],
    ["too many grants", { ...claims, shardgate: Array.from({ length: 101 }, () => "read:a") }],
  ])("is refused with %s", async (_what, payload) => {
    const { ask, log } = setUp();
    expect(await ask(await signed(JSON.parse(JSON.stringify(payload)) as JWTPayload))).toBeNull();
    expect(log.lines.map(({ level }) => level)).toEqual(["debug"]);
  });

  it("is refused when another key, no key or a shared secret signed it", async () => {
    const { ask } = setUp();
    expect(await ask(await signed(claims, foreign.privateKey))).toBeNull();
    expect(await ask(await signed(claims, foreign.privateKey, { alg: "ES256", kid: "k2" }))).toBeNull();
    expect(await ask(new UnsecuredJWT(claims).encode())).toBeNull();
    // The classic confusion: the public key, which everyone knows, used as a shared secret.
    const secret = new TextEncoder().encode(keySetText);
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "k1" }).sign(secret);
    expect(await ask(forged)).toBeNull();
    const [head = "", , signature = ""] = (await signed(claims)).split(".");
    const other = Buffer.from(JSON.stringify({ ...claims, shardgate: ["admin"] })).toString("base64url");
    expect(await ask(`${head}.${other}.${signature}`)).toBeNull();
    expect(await ask("a.b.c")).toBeNull();
  });

  it("is distinguished from other tokens synchronously", () => {
    const keySet = parseKeySet(keySetText);
    const parts = { issuer, audience, keys: () => keySet, clock: new FakeClock(), log: new RecordLog() };
    expect(jsonWebTokenVerifier(parts).callerOf("sg_token")).toBeNull();
  });
});

describe("a JSON Web Key Set", () => {
  it.each(["", "[]", "{}", '{"keys":[]}', '{"keys":[1]}', "secret"])("cannot be %j", (text) => {
    expect(() => parseKeySet(text)).toThrow("It is not a JSON Web Key Set");
  });

  it("may be behind a URL, is fetched when it is needed, and cached", async () => {
    let asked = 0;
    const server = createServer((_request, response) => {
      asked++;
      response.setHeader("content-type", "application/json").end(keySetText);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
    const { ask } = setUp(remoteKeySet(url));
    expect(asked).toBe(0);
    expect(await ask(await signed(claims))).toMatchObject({ name: "ada" });
    expect(await ask(await signed(claims))).toMatchObject({ name: "ada" });
    // Made-up key ids must not make the gateway fetch again and again.
    for (const kid of ["x", "y"]) {
      expect(await ask(await signed(claims, foreign.privateKey, { alg: "ES256", kid }))).toBeNull();
    }
    expect(asked).toBe(1);
  });

  it("that cannot be fetched makes every token invalid, and is logged once", async () => {
    let isHealthy = false;
    const server = createServer((_request, response) => {
      if (isHealthy) response.end(keySetText);
      else response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { ask, log } = setUp(remoteKeySet(new URL(`http://127.0.0.1:${port}/`)));
    const warnings = () => log.lines.filter(({ level }) => level === "warn").length;
    expect(await ask(await signed(claims))).toBeNull();
    expect(await ask(await signed(claims))).toBeNull();
    expect(warnings()).toBe(1);
    isHealthy = true;
    expect(await ask(await signed(claims))).not.toBeNull();
  });
});
