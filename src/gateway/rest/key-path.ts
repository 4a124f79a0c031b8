/**
 * How a key survives the router. A router decodes a path before or after it splits it, once or in parts, and refuses what
 * it cannot decode; a key must be decoded exactly once, whole, and by `parseKeySegment` alone. So the key's raw segment is
 * encoded once more on the way in, and what the router hands out as the parameter is the segment as the client sent it.
 */
export const dataPrefix = "/data/";

/** The request target with the key of `/data/{key}` encoded once more; every other target is as it was. */
export function keepKeyRaw(target: string): string {
  if (!target.startsWith(dataPrefix)) return target;
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const segment = path.slice(dataPrefix.length);
  if (segment.includes("/")) return target;
  return `${dataPrefix}${encodeURIComponent(segment)}${target.slice(path.length)}`;
}
