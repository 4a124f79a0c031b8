/**
 * Runs the examples of the documentation for other machines: each block with a gateway of its own, its hosts under
 * `.internal` on this machine, and certificates created as the page describes.
 */
import { copyFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { CommandPlace, internalHosts, isForOtherMachines } from "../support/command-place.js";
import { documentPages } from "../support/document-pages.js";
import { examplesIn } from "../support/markdown-examples.js";
import { repository, Run } from "../support/processes.js";

const examples = documentPages
  .flatMap((page) => examplesIn(page).map((example) => ({ page, example })))
  .filter(({ example }) => isForOtherMachines(example.code))
  // The certificates come first.
  .toSorted((a, b) => Number(b.example.code.startsWith("openssl")) - Number(a.example.code.startsWith("openssl")));
let place: CommandPlace;
let plainNode: Run;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  place = await CommandPlace.open();
  plainNode = new Run("python3", [path.join(repository, "test/support/plain-node.py"), place.port("9000")]);
  await plainNode.prints(/listening/);
  const [token = "", line = ""] = (await place.run("shardgate token operator --grant admin")).trim().split("\n");
  place.write("tokens.json", `[${line}]`);
  place.write("secret", "a secret of at least thirty-two characters");
  environment = { NODE_OPTIONS: internalHosts, operator: token };
});
afterAll(async () => {
  await plainNode.stop();
  place.remove();
});

/**
 * Creates certificates by the block, for the storage node and, with the same commands, for the gateway and its clients.
 */
async function makeCertificates(code: string): Promise<void> {
  await place.run(code);
  const [, ...forOne] = code.split("\n");
  await place.run(forOne.join("\n").replaceAll("node1", "gateway"));
  copyFileSync(path.join(place.path, "gateway.crt"), path.join(place.path, "fullchain.pem"));
  copyFileSync(path.join(place.path, "gateway.key"), path.join(place.path, "privkey.pem"));
}

/** Runs the commands one after the other; servers run until the end of the block. */
async function runCommands(code: string, data: string): Promise<void> {
  const servers: Run[] = [];
  const settings = { ...environment, SHARDGATE_DATA: path.join(place.path, data) };
  onTestFinished(async () => {
    for (const server of servers.toReversed()) expect(await server.stop(), server.stderr).toBe(0);
  });
  for (const command of code.replaceAll("\\\n", " ").trim().split("\n")) {
    if (/shardgate (gateway|node) /.test(command)) servers.push(await place.serve(command, settings));
    else await place.run(command.replace(/^curl /, "curl -sSf "), settings);
  }
  if (code.includes('"id":"mine"')) await expectAdopted();
}

async function expectAdopted(): Promise<void> {
  const answer = await fetch(`${place.origin}/shards`);
  const { shards } = (await answer.json()) as { shards: readonly { readonly nodeId: string | null }[] };
  expect(shards.map(({ nodeId }) => nodeId)).toEqual(["mine", null, null, null]);
}

describe("the documentation", () => {
  it.each(examples.map(({ page, example }, index) => [`${index + 1}: ${page}, ${example.heading}`, example] as const))(
    "has working commands for other machines in example %s",
    async (name, { language, code, promised }) => {
      expect([language, promised]).toEqual(["sh", null]);
      await (code.startsWith("openssl") ? makeCertificates(code) : runCommands(code, name.split(":")[0] ?? ""));
    },
  );
});
