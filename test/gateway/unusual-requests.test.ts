import { expect, it } from "vitest";
import { originForm } from "../../src/gateway/unusual-requests.js";

it.each([
  ["/data/a%252Fb?ttl=1", "/data/a%252Fb?ttl=1"],
  ["http://a:1/data/a%252Fb?ttl=1", "/data/a%252Fb?ttl=1"],
  ["HTTPS://a", "/"],
  ["http://a?b=http://c/d", "/?b=http://c/d"],
  ["//a/graphql", "//a/graphql"],
  ["*", "*"],
  ["ftp://a/graphql", "ftp://a/graphql"],
])("takes the target %s for %s", (target, form) => {
  expect(originForm(target)).toBe(form);
});
