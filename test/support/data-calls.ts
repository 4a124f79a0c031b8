/** Single entries through a gateway's or a storage node's REST routes, with the status and version that came back. */
import { eventually } from "./processes.js";

export interface PutAnswer {
  readonly status: number;
  /** Of the entry as written; null when it was not. */
  readonly version: number | null;
  /** Of a refusal. */
  readonly code: string | null;
}

export interface GetAnswer {
  readonly status: number;
  readonly value: unknown;
  readonly version: number | null;
  readonly code: string | null;
}

export interface PutCall {
  readonly value: unknown;
  /** Only if this is the entry's version. */
  readonly ifVersion?: number;
  /** Where the request goes: a gateway's keys by default. */
  readonly path?: string;
}

export async function putEntry(
  origin: string,
  key: string,
  { value, ifVersion, path = "/data" }: PutCall,
): Promise<PutAnswer> {
  const headers = ifVersion === undefined ? {} : { "if-match": `"${ifVersion}"` };
  const body = JSON.stringify(value);
  const response = await fetch(`${origin}${path}/${encodeURIComponent(key)}`, { method: "PUT", headers, body });
  const isWritten = response.ok;
  const code = codeOf(await response.text());
  return { status: response.status, version: isWritten ? versionOf(response) : null, code: isWritten ? null : code };
}

export async function getEntry(origin: string, key: string, path = "/data"): Promise<GetAnswer> {
  const response = await fetch(`${origin}${path}/${encodeURIComponent(key)}`);
  const text = await response.text();
  const { status } = response;
  if (!response.ok) return { status, value: null, version: null, code: codeOf(text) };
  return { status, value: JSON.parse(text) as unknown, version: versionOf(response), code: null };
}

function versionOf(response: Response): number {
  return Number(response.headers.get("etag")?.replaceAll('"', ""));
}

function codeOf(text: string): string | null {
  try {
    return (JSON.parse(text) as { readonly code?: string }).code ?? null;
  } catch {
    return null;
  }
}

/** Waits until the key is answered at all: a gateway sends nothing for a moment to a storage node that was away. */
export function untilAnswered(origin: string, key: string): Promise<GetAnswer> {
  return eventually(async () => {
    const answer = await getEntry(origin, key);
    if (answer.status >= 500) throw new Error(`${key} is answered with ${answer.status} ${answer.code}.`);
    return answer;
  });
}

/** Writes until it is acknowledged: on a busy machine a storage node can miss its moment, too. */
export function untilWritten(origin: string, key: string, call: PutCall): Promise<PutAnswer> {
  return eventually(async () => {
    const answer = await putEntry(origin, key, call);
    if (answer.version === null) throw new Error(`${key} is not written: ${answer.status} ${answer.code}.`);
    return answer;
  });
}
