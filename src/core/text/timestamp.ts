/** Moments in the form of RFC 3339, section 5.6: a complete date, time and offset. */

const form = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i;

/** The moment in milliseconds since 1970; null for a text that is not a timestamp, or whose day does not exist. */
export function parseTimestamp(text: unknown): number | null {
  const match = typeof text === "string" ? form.exec(text) : null;
  if (match === null) return null;
  const atMs = Date.parse(match[0].toUpperCase());
  // Date.parse reads the 30th of February as the 2nd of March; the day of the date alone, in UTC, reveals that.
  const day = new Date(match[0].slice(0, 10)).getUTCDate();
  return Number.isNaN(atMs) || day !== Number(match[1]) ? null : atMs;
}
