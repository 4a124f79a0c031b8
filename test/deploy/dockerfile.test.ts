/** The Dockerfile: accepted by a linter, and an image of a process that may do little. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { validate } from "dockerfile-utils";
import { describe, expect, it } from "vitest";
import { dockerStages, imageEnvironment, imageInstruction, kitFile } from "../support/deploy-kit.js";
import { repository } from "../support/processes.js";

describe("deploy/Dockerfile", () => {
  it("is accepted by the linter, which notices a wrong one", () => {
    expect(validate(kitFile("Dockerfile"))).toEqual([]);
    expect(validate("FROM a\nRUM b\nHEALTHCHECK --every=5s CMD c\n")).toHaveLength(2);
  });

  it("makes an image of the packages that run and of what was compiled, without the tools", () => {
    expect(dockerStages()).toHaveLength(3);
    const image = dockerStages().at(-1) ?? [];
    const copied = image.filter(({ name }) => name === "COPY").map(({ rest }) => rest);
    expect(copied).toEqual([
      "--from=packages /source/node_modules node_modules",
      "package.json LICENSE deploy/healthcheck.mjs ./",
      "--from=build /source/dist dist",
    ]);
    expect(image.filter(({ name, rest }) => name === "RUN" && /npm|apt/.test(rest))).toEqual([]);
  });

  it("runs the program itself as the first process, not as root, with its health checked", () => {
    expect(JSON.parse(imageInstruction("ENTRYPOINT"))).toEqual(["node", "/opt/shardgate/dist/cli/main.js"]);
    expect(imageInstruction("USER")).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(imageInstruction("HEALTHCHECK")).toMatch(/ CMD \["node", "\/opt\/shardgate\/healthcheck\.mjs"\]$/);
    expect(imageInstruction("VOLUME")).toBe(imageEnvironment()["SHARDGATE_DATA"]);
  });

  it("uses a version of Node.js that the package allows", () => {
    const { engines } = JSON.parse(readFileSync(path.join(repository, "package.json"), "utf8")) as {
      readonly engines: { readonly node: string };
    };
    const least = Number(/^>=(\d+)\./.exec(engines.node)?.[1]);
    const [, version = ""] = /^ARG NODE_IMAGE=node:(\d+)-/m.exec(kitFile("Dockerfile")) ?? [];
    expect(Number(version)).toBeGreaterThanOrEqual(least);
    expect(Number(version) % 2, "Odd versions are not supported for long.").toBe(0);
  });
});
