/**
 * `shardgate token`: creates a token for a caller. It prints the token, which is for the caller only, and its entry for
 * the tokens file, which contains its hash. Nothing is stored.
 */
import { hash } from "node:crypto";
import { Argument, Option, type Command } from "commander";
import { parseGrant, type Grant } from "../../gateway/access/grant.js";
import { parseStaticTokens } from "../../gateway/access/static-tokens.js";
import type { Environment } from "../environment/environment.js";
import { addExample } from "../terminal/help-example.js";
import { outputOption, parsedBy } from "../options/option.js";
import { print, type Format } from "../terminal/print.js";

/** Random bytes of a token that `shardgate token` creates. */
export const tokenBytes = 32;

interface TokenOptions {
  readonly grant: readonly Grant[];
  readonly expires?: string;
  readonly output: Format;
}

export function addTokenCommand(program: Command, environment: Environment): void {
  const command = program
    .command("token")
    .description("Create a token for a caller; print the token and its line for the file of `gateway --tokens`.")
    .addArgument(new Argument("<name>", "name of the caller, as it appears in logs"))
    .addOption(
      new Option("--grant <grant...>", "permission: read:PREFIX, write:PREFIX or admin; an empty prefix means all keys")
        .argParser((text: string, others: readonly Grant[] = []) => [...others, parsedBy(parseGrant)(text)])
        .makeOptionMandatory(),
    )
    .addOption(new Option("--expires <moment>", "time at which the token expires, such as 2030-01-31T12:00:00Z"))
    .addOption(outputOption("output format: the token, then its line (table), or both in one JSON document (json)"))
    .action(async (name: string, { grant: grants, expires, output }: TokenOptions, command: Command) => {
      const token = `sg_${environment.randomBytes(tokenBytes).toString("base64url")}`;
      const expiry = expires === undefined ? {} : { expiresAt: expires };
      const line = JSON.stringify({ name, sha256: hash("sha256", token), grants, ...expiry });
      try {
        parseStaticTokens(`[${line}]`);
      } catch (error) {
        command.error(error instanceof Error ? error.message : String(error));
      }
      const text = output === "json" ? `{"token":"${token}","line":${line}}\n` : `${token}\n${line}\n`;
      await print(text, environment);
    });
  addExample(command, "token ada --grant read: write:user/", "token operator --grant admin --output json");
}
