/** Formats figures for people: short, with a unit, and a dash for unknown ones. */

const unknown = "–";

/** 1234567 as `1,234,567`. */
export function wholeText(number: number | null): string {
  return number === null ? unknown : number.toLocaleString("en");
}

/** At most three digits: 1234567 as `1.23 M`. */
export function shortText(number: number | null): string {
  if (number === null) return unknown;
  const [size, unit] = [[1e9, " G"] as const, [1e6, " M"] as const, [1e4, " k"] as const].find(
    ([limit]) => number >= limit,
  ) ?? [1, ""];
  if (size === 1) return wholeText(number);
  return `${threeDigits(number / (size === 1e4 ? 1e3 : size))}${unit}`;
}

/** 1536 as `1.5 KiB`. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return unknown;
  const power = Math.min(4, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${threeDigits(bytes / 1024 ** power)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

/** 0.123 as `0.123 ms`, 1500 as `1.5 s`. */
export function millisecondsText(ms: number | null): string {
  if (ms === null) return unknown;
  return ms < 1_000 ? `${threeDigits(ms)} ms` : `${threeDigits(ms / 1_000)} s`;
}

/** How long ago: `now`, `12 s ago`, `3 min ago`, `5 h ago`, `2 d ago`; `never` without a time. */
export function agoText(silentMs: number | null): string {
  if (silentMs === null) return "never";
  const seconds = Math.floor(silentMs / 1_000);
  if (seconds < 3) return "now";
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** An RFC 3339 moment in the reader's own time zone, to the second. */
export function momentText(moment: string): string {
  const date = new Date(moment);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
  return `${day} ${time}`;
}

/** SHARD_UNAVAILABLE as `shard unavailable`. */
export function lowerText(code: string): string {
  return code.toLowerCase().replaceAll("_", " ");
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function threeDigits(number: number): string {
  return String(Number(number.toPrecision(3)));
}
