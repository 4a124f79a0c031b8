/**
 * How a storage node looks wherever it appears: a colour, and a tag of one to three letters beside it, so that nobody needs
 * the colour. Both come from its place in the list of names.
 */

/** A, B, … Z, AA, AB, … */
export function ownerTag(index: number): string {
  const rest = Math.floor(index / 26) - 1;
  return (rest < 0 ? "" : ownerTag(rest)) + String.fromCharCode(65 + (index % 26));
}

/** Neighbours in the list are far apart in hue (the golden angle); all are equally light, and take dark text. */
export function ownerColour(index: number): string {
  const hue = (252 + index * 137.508) % 360;
  return `oklch(0.74 0.12 ${hue.toFixed(1)})`;
}

/** What stands on an owner's colour, in light and dark alike. */
export const textOnOwner = "#0b1220";
