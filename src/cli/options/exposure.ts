/** Whether a server may accept other hosts: only with access control, or when the operator insists. */
import { Option, type Command } from "commander";

/** A reason why it is safe to accept other hosts, and the options that provide it. */
export interface Safeguard {
  readonly options: string;
  readonly isGiven: boolean;
}

export interface ExposureOptions {
  readonly host: string;
  readonly insecure?: true;
}

/** It has no environment variable, so that it is always given deliberately and never inherited. */
export function insecureOption(): Option {
  return new Option("--insecure", "accept other hosts without authentication: all of them may do everything");
}

/** Ends the program with a usage error when `host` accepts other hosts and no safeguard is given. */
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

/** Whether only this host can reach the address. Of all names, only `localhost` is known to be like that. */
export function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+|localhost)$/i.test(host.replace(/^\[(.*)\]$/, "$1"));
}

/** An address that means "all of this host's": good to listen on, not to call. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
