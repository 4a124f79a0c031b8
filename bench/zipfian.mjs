/**
 * Key choices as YCSB makes them: rank r is drawn with a probability proportional to 1 / r^0.99, by the method of Gray et
 * al., "Quickly generating billion-record synthetic databases" (SIGMOD 1994), and ranks are scattered over the keys.
 */
const theta = 0.99;

/** Draws indices from 0 to `count - 1`; `random` gives numbers from 0 to 1. */
export function zipfian(count, random = Math.random) {
  let zeta = 0;
  for (let rank = 1; rank <= count; rank++) zeta += 1 / rank ** theta;
  const zetaOfTwo = 1 + 0.5 ** theta;
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / count) ** (1 - theta)) / (1 - zetaOfTwo / zeta);
  return () => {
    const drawn = random();
    const scaled = drawn * zeta;
    const rank = scaled < 1 ? 0 : scaled < zetaOfTwo ? 1 : Math.floor(count * (eta * drawn - eta + 1) ** alpha);
    return (Math.min(rank, count - 1) * 7919) % count;
  };
}
