/** Whether a server may be opened to other hosts: only where something says who may do what, or somebody insists. */
import type { Command, Option } from "commander";
import { option } from "./option.js";

/** Why it is safe to let other hosts in, and the options that make it so. */
export interface Safeguard {
  readonly options: string;
  readonly isGiven: boolean;
}

export interface ExposureOptions {
  readonly host: string;
  readonly insecure?: true;
}

export function insecureOption(): Option {
  return option("--insecure", "let other hosts in, and whoever comes do everything (the variable may have any value)");
}

/** Ends the program as used wrongly when `host` lets others in and nothing makes that safe. */
export function checkExposure(
  { host, insecure }: ExposureOptions,
  safeguards: readonly Safeguard[],
  command: Command,
): void {
  if (isLoopback(host) || insecure === true || safeguards.some(({ isGiven }) => isGiven)) return;
  const ways = safeguards.map(({ options }) => `${options}, or `).join("");
  command.error(
    `option '--host ${host}' lets other hosts in, and whoever comes could do everything: add ${ways}--insecure if that is meant.`,
  );
}

/** Addresses at which only this host is heard. Of names only `localhost` is known to be one. */
export function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|localhost)$/i.test(host.replace(/^\[(.*)\]$/, "$1"));
}
