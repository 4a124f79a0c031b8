#!/bin/sh
# Packs what processes of COMMIT need, and prints the checksum: test/upgrade/pack.sh COMMIT
# Left out: comments, declarations, source maps, schema.graphql, docs, and the files of the pages for browsers.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
commit=$(git -C "$root" rev-parse --verify "$1^{commit}")
work=$(mktemp -d)
trap 'git -C "$root" worktree remove --force "$work/tree"; rm -rf "$work"' EXIT
git -C "$root" worktree add --quiet --detach "$work/tree" "$commit"
ln -s "$root/node_modules" "$work/tree/node_modules"
cd "$work/tree"
rm -rf dist
npx tsc -p tsconfig.build.json --removeComments --declaration false --sourceMap false
version=$(node -p 'JSON.parse(fs.readFileSync("package.json")).version')
file="$root/test/upgrade/shardgate-$version.tgz"
# The same bytes for the same commit and compiler.
tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+rX,u+w,go-w \
  --transform='s,^,package/,' package.json LICENSE dist | gzip -9n > "$file"
cd "$root/test/upgrade"
sha256sum "$(basename "$file")"
