/**
 * Chooses the form of an answer by the client's `Accept` and `Accept-Encoding` headers (RFC 9110, 12.5): the most
 * specific matching range decides the quality, 0 means not acceptable, and of two with equal quality the one named
 * first wins.
 */

/** The two media types of a GraphQL answer. The first is for clients without a preference. */
export const graphqlMediaTypes = ["application/json", "application/graphql-response+json"] as const;

/**
 * The media type out of `offered` (lower case) to answer with; null when the client accepts none of them. Without a
 * header it is the first. Parameters such as `charset` are ignored.
 */
export function acceptedType<Type extends string>(
  accept: string | undefined,
  offered: readonly [Type, ...Type[]],
): Type | null {
  if (accept === undefined || accept === "" || accept === "*/*") return offered[0];
  const ranges = rangesOf(accept);
  let best: { readonly type: Type; readonly range: Range } | null = null;
  for (const type of offered) {
    const range = rangeFor(ranges, [type, `${type.slice(0, type.indexOf("/"))}/*`, "*/*"]);
    if (range !== null && range.quality > 0 && (best === null || isLikedMore(range, best.range)))
      best = { type, range };
  }
  return best?.type ?? null;
}

/** Whether an answer may have this encoding (`gzip`). Without a header it may not. */
export function acceptsEncoding(acceptEncoding: string | undefined, encoding: string): boolean {
  return (rangeFor(rangesOf(acceptEncoding ?? ""), [encoding, "*"])?.quality ?? 0) > 0;
}

/** One range of a header, its quality (0 to 1), and its position in the header. */
interface Range {
  readonly name: string;
  readonly quality: number;
  readonly place: number;
}

function rangesOf(header: string): readonly Range[] {
  return header.split(",").map((item, place) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter));
    return { name, quality: weight === undefined ? 1 : qualityOf(weight.slice(weight.indexOf("=") + 1)), place };
  });
}

/** A weight that is not a number counts as absent. */
function qualityOf(text: string): number {
  const quality = Number(text);
  return Number.isNaN(quality) || text.trim() === "" ? 1 : Math.min(1, Math.max(0, quality));
}

/** The range with the highest quality for the first of `names` that the header lists. */
function rangeFor(ranges: readonly Range[], names: readonly string[]): Range | null {
  for (const name of names) {
    const [best] = ranges.filter((range) => range.name === name).toSorted((a, b) => b.quality - a.quality);
    if (best !== undefined) return best;
  }
  return null;
}

function isLikedMore(range: Range, other: Range): boolean {
  return range.quality > other.quality || (range.quality === other.quality && range.place < other.place);
}
