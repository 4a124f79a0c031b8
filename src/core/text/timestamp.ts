/** Moments as people write them: RFC 3339, section 5.6, a date, a time and an offset, all written out. */

const form = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;

/** In milliseconds since 1970; null for what is no timestamp, or none of a day that exists. */
export function parseTimestamp(text: unknown): number | null {
  const match = typeof text === "string" ? form.exec(text) : null;
  if (match === null) return null;
  const atMs = Date.parse(match[0].toUpperCase());
  // Date.parse takes the 30th of February for the 2nd of March; the date alone, in UTC, tells.
  const day = new Date(match[0].slice(0, 10)).getUTCDate();
  return Number.isNaN(atMs) || day !== Number(match[1]) ? null : atMs;
}
