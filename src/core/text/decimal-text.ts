/** Integers as decimal text. V8 converts 32-bit integers in a fifth of the time that other numbers take. */

/**
 * The same as `String(number)`. Present times in milliseconds, and most versions, are converted as two 32-bit integers.
 */
export function decimalText(number: number): string {
  const small = number | 0;
  if (small === number) return `${small}`;
  const quotient = Math.floor(number / 1000);
  const thousands = quotient | 0;
  const rest = thousands === quotient && thousands > 0 ? threeDigits[number - 1000 * quotient] : undefined;
  return rest === undefined ? `${number}` : `${thousands}${rest}`;
}

const threeDigits = Array.from({ length: 1000 }, (_, number) => `${number}`.padStart(3, "0"));
