export const possibleTypes = {
  "GetResult": [
    "Entry",
    "KeyNotFound",
    "InvalidKey",
    "Forbidden",
    "ShardUnavailable"
  ],
  "Node": [
    "Shard",
    "StorageNode",
    "Cluster",
    "Entry"
  ],
  "Problem": [
    "KeyNotFound",
    "InvalidKey",
    "InvalidValue",
    "ExpiryPassed",
    "Forbidden",
    "NotSupported",
    "OutcomeUnknown",
    "ShardUnavailable",
    "VersionConflict"
  ],
  "PutResult": [
    "PutSuccess",
    "VersionConflict",
    "InvalidKey",
    "InvalidValue",
    "ExpiryPassed",
    "Forbidden",
    "NotSupported",
    "ShardUnavailable",
    "OutcomeUnknown"
  ],
  "DeleteResult": [
    "DeleteSuccess",
    "KeyNotFound",
    "VersionConflict",
    "InvalidKey",
    "Forbidden",
    "NotSupported",
    "ShardUnavailable",
    "OutcomeUnknown"
  ]
};
