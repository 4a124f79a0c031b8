import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { endpointOption } from "../../../src/cli/options/option.js";

/** The option's value when the command is called with `args`. */
function endpointOf(...args: readonly string[]): unknown {
  return new Command()
    .addOption(endpointOption())
    .parse([...args], { from: "user" })
    .opts()["endpoint"];
}

describe("--endpoint", () => {
  it("defaults to the GraphQL endpoint of a gateway on this machine", () => {
    expect(endpointOf()).toBe("http://127.0.0.1:4000/graphql");
    expect(endpointOf()).toBe(endpointOf("--endpoint", "http://127.0.0.1:4000"));
  });

  it.each([
    ["https://gateway.example/", "https://gateway.example/graphql"],
    ["http://gateway.example/sg", "http://gateway.example/sg/graphql"],
    ["http://gateway.example/sg/graphql", "http://gateway.example/sg/graphql"],
    ["http://one:4000, https://two/sg", "http://one:4000/graphql,https://two/sg/graphql"],
  ])("accepts %s", (url, endpoint) => {
    expect(endpointOf("-e", url)).toBe(endpoint);
  });
});
