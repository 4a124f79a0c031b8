/**
 * The mark of a storage node throughout the page: a colour, and beside it a tag of one to three letters, so that the
 * page is usable without colours. Both are derived from the node's index in the list of names.
 */

/** A, B, … Z, AA, AB, … */
export function ownerTag(index: number): string {
  const rest = Math.floor(index / 26) - 1;
  return (rest < 0 ? "" : ownerTag(rest)) + String.fromCharCode(65 + (index % 26));
}

/** Adjacent nodes have distant hues (the golden angle). All colours are equally light and fit dark text. */
export function ownerColour(index: number): string {
  const hue = (252 + index * 137.508) % 360;
  return `oklch(0.74 0.12 ${hue.toFixed(1)})`;
}

/** The colour of text on an owner's colour, in light and dark mode alike. */
export const textOnOwner = "#0b1220";
