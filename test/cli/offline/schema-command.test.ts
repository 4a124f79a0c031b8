import { describe, expect, it } from "vitest";
import { typeDefs } from "../../../src/gateway/graphql/generated/type-defs.js";
import { runCommand } from "../run-command.js";

describe("schema print", () => {
  it("prints the schema without a gateway", async () => {
    expect(await runCommand(["schema", "print"])).toEqual({ code: 0, out: typeDefs, err: "" });
    expect(typeDefs).toMatch(/^type Query \{/m);
  });

  it("prints it within one JSON document on request", async () => {
    expect(JSON.parse((await runCommand(["schema", "print", "-o", "json"])).out)).toEqual({ schema: typeDefs });
  });
});
