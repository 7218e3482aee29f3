"""The contract with receivers, version 1: topics, messages, signatures.

Frozen: members may be added, none may change its meaning. It is described for makers of receivers in
`docs/receiver-protocol.md` and `docs/asyncapi.yaml`, which tests hold against the classes here.

Conventions of the wire
- Member names ending in `_at`, `from`, `until` and the like are Unix milliseconds, UTC, as integers (`UnixMs`);
  `_ms` are durations in milliseconds. Only the JWS claims `iat` and `exp` are in seconds, as RFC 7519 has them.
- Volumes are per cent of the receiver's full scale, 0 to 100. Levels are dBFS.
- Hashes are lower-case hexadecimal SHA-256. Identifiers are ULIDs.
- Unknown members are ignored; an unknown `crit` header is refused.
"""
