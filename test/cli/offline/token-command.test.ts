import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseStaticTokens, staticTokenVerifier } from "../../../src/gateway/access/static-tokens.js";
import { FakeClock } from "../../support/fake-clock.js";
import { runCommand } from "../run-command.js";
import { tokenBytes } from "../../../src/cli/offline/token-command.js";

describe("shardgate token", () => {
  it("creates a token, and prints the line with its hash that the gateway accepts", async () => {
    const argv = ["token", "ada", "--grant", "read:", "write:user/", "--expires", "2030-01-31T12:00:00Z"];
    const { code, out, err } = await runCommand(argv);
    expect([code, err]).toEqual([0, ""]);
    const [token = "", line = "", end] = out.split("\n");
    expect(end).toBe("");
    expect(token).toBe(`sg_${Buffer.alloc(tokenBytes, 7).toString("base64url")}`);
    expect(JSON.parse(line)).toEqual({
      name: "ada",
      sha256: createHash("sha256").update(token).digest("hex"),
      grants: [
        { role: "read", prefix: "" },
        { role: "write", prefix: "user/" },
      ],
      expiresAt: "2030-01-31T12:00:00Z",
    });
    const verifier = staticTokenVerifier({ content: parseStaticTokens(`[${line}]`) }, new FakeClock());
    expect(verifier.callerOf(token)).toMatchObject({ name: "ada" });
  });

  it("prints both in one JSON document", async () => {
    const { out } = await runCommand(["token", "operator", "--grant", "admin", "-o", "json"]);
    const { token, line } = JSON.parse(out) as { token: string; line: { sha256: string; grants: unknown } };
    expect(line.grants).toEqual([{ role: "admin", prefix: "" }]);
    expect(line.sha256).toBe(createHash("sha256").update(token).digest("hex"));
  });
});
