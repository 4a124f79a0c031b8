/** Whether a server may be opened to other hosts: only where something says who may do what, or somebody insists. */
import { Option, type Command } from "commander";

/** Why it is safe to let other hosts in, and the options that make it so. */
export interface Safeguard {
  readonly options: string;
  readonly isGiven: boolean;
}

export interface ExposureOptions {
  readonly host: string;
  readonly insecure?: true;
}

/** Without an environment variable: this is said by whoever means it, and never inherited or left over. */
export function insecureOption(): Option {
  return new Option("--insecure", "accept other hosts without authentication: all of them may do everything");
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
    `option '--host ${host}' accepts other hosts, which could do everything without authentication: add ${ways}--insecure to allow that.`,
  );
}

/** Addresses at which only this host is heard. Of names only `localhost` is known to be one. */
export function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|localhost)$/i.test(host.replace(/^\[(.*)\]$/, "$1"));
}

/** An address that means "all of this host's": good to listen on, not to call. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
