#!/usr/bin/env bash
# GraphQL with nothing but curl: a put, a batch of keys, and a page of a scan. Prints the answers, one a line.
set -euo pipefail
url="${SHARDGATE_URL:-http://127.0.0.1:4000/graphql}"

# graphql DOCUMENT VARIABLES: both as one line of JSON. `--fail-with-body` ends the script when the request is refused.
graphql() {
  curl --silent --show-error --fail-with-body "$url" \
    --header 'content-type: application/json' \
    --data "{\"query\": \"$1\", \"variables\": $2}"
  echo
}

# Values travel as variables: they are stored digit by digit as they stand here.
graphql 'mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }' \
  '{"items": [{"key": "river/Nile", "value": {"km": 6650}}, {"key": "river/Oder", "value": {"km": 866.0}}]}'

# Every key has an outcome of its own, in the order asked.
graphql 'query ($keys: [String!]!) { entries(keys: $keys) { ... on Entry { key value } ... on Problem { code } } }' \
  '{"keys": ["river/Oder", "river/Styx", "river/Nile"]}'

# A query may also be a GET, which any HTTP tool can send.
curl --silent --show-error --fail-with-body --get "$url" \
  --data-urlencode 'query={ scan(prefix: "river/", first: 1) { edges { node { key } } pageInfo { hasNextPage } } }'
echo
