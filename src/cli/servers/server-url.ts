/**
 * The URL of database servers, as an option or an argument names them. It never contains a password, because arguments
 * and environment variables appear in lists of processes and in the files of supervisors.
 */
import { portMax } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { exitCodes } from "../terminal/exit-code.js";

/** The servers' purpose. Names of their options and variables begin with it. */
export type ServerPurpose = "registry" | "store";

export interface ServerHost {
  readonly host: string;
  readonly port: number;
}

export interface ServerUrl {
  /** In lower case, without `://`. */
  readonly scheme: string;
  readonly user: string | null;
  /** The hosts as written; `hostsOf` parses them. */
  readonly hosts: string;
  /** Without the slash at its beginning. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The whole URL, for messages. */
  readonly text: string;
}

/** The option or argument that has the URL. */
export interface UrlField {
  /** Begins every message: "option '--store'". */
  readonly name: string;
  readonly purpose: ServerPurpose;
  /** URLs that are valid, for the message about one that is none. */
  readonly examples: string;
}

/** A part of a URL is wrong. The message follows the field's name, and never repeats the text. */
export class WrongPart extends Error {}

export function hasScheme(text: string): boolean {
  return schemePattern.test(text.trim());
}

/**
 * What `read` makes of the URL in `text`. Throws CommandFailure as a usage error, which never repeats the text because it
 * may contain a password; a WrongPart that `read` throws becomes one.
 */
export function parseServerUrl<Place>(text: string, field: UrlField, read: (url: ServerUrl) => Place): Place {
  const { name, purpose, examples } = field;
  const refuse = (what: string): CommandFailure => new CommandFailure(`${name} ${what}`, exitCodes.usage);
  if (text.trim() === "") throw refuse("must not be empty.");
  const [, scheme = "", rest = ""] = schemePattern.exec(text.trim()) ?? [];
  const userEnd = rest.lastIndexOf("@");
  if (rest.slice(0, Math.max(userEnd, 0)).includes(":") || /[?&]password=/i.test(rest)) {
    throw refuse(hasPassword(purpose));
  }
  const url = scheme === "" ? null : urlOf(scheme.toLowerCase(), rest);
  if (url === null) throw refuse(`must be a URL such as ${examples}.`);
  try {
    return read(url);
  } catch (error) {
    throw error instanceof WrongPart ? refuse(error.message) : error;
  }
}

/** The servers that a URL names. Throws WrongPart. */
export function hostsOf({ hosts }: ServerUrl, usualPort: number): readonly ServerHost[] {
  return hosts.split(",").map((one) => {
    const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(one) ?? [];
    const host = bracketed ?? plain;
    const number = port === undefined ? usualPort : Number(port);
    if (host === undefined || number < 1 || number > portMax) {
      throw new WrongPart("must name its servers as host or host:port, with commas between several.");
    }
    return { host, port: number };
  });
}

/** Throws WrongPart for a parameter that is not `allowed`. */
export function allowParameters({ query }: ServerUrl, allowed: readonly string[]): void {
  const wrong = [...query.keys()].find((key) => !allowed.includes(key));
  if (wrong === undefined) return;
  const known = allowed.length === 0 ? "no parameters" : `only the parameters ${allowed.join(" and ")}`;
  throw new WrongPart(`takes ${known}, not \`${wrong.slice(0, 40)}\`.`);
}

/** The variable with the password for servers of this purpose. */
export function passwordVariable(purpose: ServerPurpose): string {
  return `SHARDGATE_${purpose.toUpperCase()}_PASSWORD`;
}

const schemePattern = /^([A-Za-z][\w+.-]*):\/\/(.*)$/s;

function hasPassword(purpose: ServerPurpose): string {
  return (
    "contains a password, which other users of this host can read in the list of processes. Remove it from the URL, and " +
    `give it in a file with --${purpose}-password-file or in the variable ${passwordVariable(purpose)}.`
  );
}

function urlOf(scheme: string, rest: string): ServerUrl | null {
  const match = /^(?:([^@/?#\s]*)@)?([^@/?#\s]*)(?:\/([^?#\s]*))?(?:\?([^#\s]*))?$/.exec(rest);
  if (match === null) return null;
  const [, user, hosts = "", path = "", query = ""] = match;
  try {
    const name = user === undefined || user === "" ? null : decodeURIComponent(user);
    const parts = { user: name, hosts, path: decodeURIComponent(path), query: new URLSearchParams(query) };
    return { scheme, ...parts, text: `${scheme}://${rest}` };
  } catch {
    return null;
  }
}
