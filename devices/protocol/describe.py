"""The contract with receivers as an AsyncAPI 3.0 document, made from the classes and the table of topics here.

    python -m devices.protocol.describe > docs/asyncapi.yaml

It is written from the receiver's point of view: it *receives* what goes down and *sends* what goes up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from devices.protocol.commands import Ack, Command, TimeAnswer, TimeRequest
from devices.protocol.plan import PROTOCOL, Plan
from devices.protocol.reports import Hello, Plays, Report, Status
from devices.protocol.topics import ROOT
from devices.protocol.trust import ROLE_OF_TYPE, KeyCertificate, Revocations

Form = Literal["jws", "json", "bytes"]
_JWS = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
_CONTENT_TYPE: dict[Form, str] = {
    "jws": "application/jose",
    "json": "application/json",
    "bytes": "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Described:
    """One kind of message at one address. `typ` is the claim of a signed one, `body` what is in it."""

    name: str
    address: str
    up: bool
    qos: Literal[0, 1]
    retain: bool
    form: Form
    summary: str
    body: Any = None
    typ: str = ""


MESSAGES: tuple[Described, ...] = (
    Described(
        "plan", "rx/{receiver}/down/plan", False, 1, True, "jws", "All that the receiver plays next", Plan, "plan"
    ),
    Described(
        "command", "rx/{receiver}/down/command", False, 1, False, "jws", "Something to do now", Command, "command"
    ),
    Described("ack", "rx/{receiver}/down/ack", False, 1, False, "jws", "Records that are committed", Ack, "ack"),
    Described("timeAnswer", "rx/{receiver}/down/time", False, 0, False, "jws", "The server's time", TimeAnswer, "time"),
    Described(
        "areaCommand", "area/{unit}/command", False, 1, False, "jws", "Something to do in an area", Command, "command"
    ),
    Described(
        "chunk",
        "content/{sha256}/{chunk_bytes}/{n}",
        False,
        1,
        True,
        "bytes",
        "One chunk of an audio object, n counted from 0; an empty payload only says that it was cleared",
    ),
    Described("livePacket", "live/{session}", False, 0, False, "bytes", "Live sound (reserved)"),
    Described("hello", "rx/{receiver}/up/hello", True, 1, False, "json", "Sent at each connection", Hello),
    Described("status", "rx/{receiver}/up/status", True, 1, True, "json", "State; also the last will", Status),
    Described("report", "rx/{receiver}/up/report", True, 1, False, "jws", "An answer or a wish", Report, "report"),
    Described("plays", "rx/{receiver}/up/plays", True, 1, False, "jws", "What was played", Plays, "plays"),
    Described("timeRequest", "rx/{receiver}/up/time", True, 0, False, "json", "A question for the time", TimeRequest),
)

_PARAMETERS = {
    "receiver": "The receiver's identifier, a ULID; also its user name at the broker",
    "unit": "An administrative unit's identifier, a ULID",
    "sha256": "SHA-256 of the whole object, 64 lower-case hexadecimal digits",
    "chunk_bytes": "The size of every chunk but the last, as in the manifest",
    "n": "Which chunk, from 0",
    "session": "The live session's identifier, a ULID",
}


def document() -> dict[str, Any]:
    """The whole document as plain data."""
    bodies = [described.body for described in MESSAGES if described.body is not None]
    roots, schemas = msgspec.json.schema_components(
        [*bodies, KeyCertificate, Revocations], ref_template="#/components/schemas/{name}"
    )
    # A union has no name of its own; `discriminator` is an object in OpenAPI and not in AsyncAPI.
    schemas["Report"] = {"title": "Report", "anyOf": roots[bodies.index(Report)]["anyOf"]}
    schemas |= _signed_schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Truyền Thanh: server and receivers",
            "version": f"{PROTOCOL}.0.0",
            "description": "How loudspeaker receivers are told what to play and say what they played. "
            "The rules behind these messages are in receiver-protocol.md.",
            "license": {"name": "GPL-3.0-or-later"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example:8883",
                "protocol": "mqtt",
                "protocolVersion": "3.1.1",
                "description": "User name: the receiver's identifier. Address and password come with enrolment.",
                "security": [{"$ref": "#/components/securitySchemes/password"}],
            }
        },
        "channels": {_channel(described): _channel_object(described) for described in MESSAGES},
        "operations": {_operation(described): _operation_object(described) for described in MESSAGES},
        "components": {
            "securitySchemes": {"password": {"type": "userPassword"}},
            "messages": {described.name: _message(described) for described in MESSAGES},
            "schemas": {name: _tidy(schema) for name, schema in sorted(schemas.items())},
        },
    }


def body_schema(described: Described) -> dict[str, Any]:
    """The reference to the schema of a message's body: the payload itself, or the `body` claim of a signed one."""
    name = "Report" if described.body is Report else described.body.__name__
    return {"$ref": f"#/components/schemas/{name}"}


def _signed_schemas() -> dict[str, Any]:
    """Header and claims of every signed message; `allOf` with its body, so that a payload can be checked whole."""
    second = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
    claims = {
        "title": "Claims",
        "description": "The payload of every signed message; iat and exp are Unix seconds.",
        "type": "object",
        "properties": {
            "typ": {"type": "string", "description": "Which kind of message this is"},
            "iss": {"type": "string", "description": "Downward the root's kid; upward rx/{receiver}"},
            "aud": {"type": "string", "description": "Downward rx/{receiver} or area/{unit}; upward the root's kid"},
            "seq": second,
            "iat": second,
            "exp": second,
            "body": {"type": "object"},
        },
        "required": ["typ", "iss", "aud", "seq", "iat", "exp", "body"],
    }
    header = {
        "title": "JwsHeader",
        "description": "The protected header. Other members are ignored; `crit` is refused.",
        "type": "object",
        "properties": {
            "alg": {"const": "Ed25519"},
            "kid": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "cert": {"type": "string", "pattern": _JWS, "description": "The root's certificate of the key, a JWS"},
        },
        "required": ["alg", "kid"],
        "not": {"required": ["crit"]},
    }
    return {"Claims": claims, "JwsHeader": header} | {
        _claims_name(described): {
            "title": _claims_name(described),
            "allOf": [
                {"$ref": "#/components/schemas/Claims"},
                {"properties": {"typ": {"const": described.typ}, "body": body_schema(described)}},
            ],
        }
        for described in MESSAGES
        if described.form == "jws"
    }


def _claims_name(described: Described) -> str:
    return f"{described.name[0].upper()}{described.name[1:]}Claims"


def _channel(described: Described) -> str:
    return described.name


def _operation(described: Described) -> str:
    return f"{'send' if described.up else 'receive'}{described.name[0].upper()}{described.name[1:]}"


def _channel_object(described: Described) -> dict[str, Any]:
    found = [name for name in _PARAMETERS if f"{{{name}}}" in described.address]
    return {
        "address": f"{ROOT}/{described.address}",
        "messages": {described.name: {"$ref": f"#/components/messages/{described.name}"}},
        "parameters": {name: {"description": _PARAMETERS[name]} for name in found},
    }


def _operation_object(described: Described) -> dict[str, Any]:
    channel = f"#/channels/{_channel(described)}"
    return {
        "action": "send" if described.up else "receive",
        "channel": {"$ref": channel},
        "summary": described.summary,
        "messages": [{"$ref": f"{channel}/messages/{described.name}"}],
        "bindings": {"mqtt": {"qos": described.qos, "retain": described.retain, "bindingVersion": "0.2.0"}},
    }


def _message(described: Described) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": described.name,
        "summary": described.summary,
        "contentType": _CONTENT_TYPE[described.form],
    }
    if described.form == "json":
        message["payload"] = body_schema(described)
    elif described.form == "jws":
        role = ROLE_OF_TYPE.get(described.typ)
        signer = f"an online key with the role “{role}”" if role else "the receiver's own key"
        message["description"] = f"A compact JWS, signed by {signer}. x-jws tells what is in it."
        message["payload"] = {"type": "string", "pattern": _JWS}
        message["x-jws"] = {
            "header": {"$ref": "#/components/schemas/JwsHeader"},
            "claims": {"$ref": f"#/components/schemas/{_claims_name(described)}"},
        }
    return message


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Docstrings on one line."""
    if "description" in schema:
        schema = schema | {"description": " ".join(str(schema["description"]).split())}
    return schema


def to_yaml(value: Any) -> str:
    """Plain data as YAML: block style, every string quoted as in JSON, so that no reader can mistake one."""
    return "\n".join(_lines(value, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            name = key if key.replace("-", "").isalnum() and not key.isdigit() else json.dumps(key)
            yield from _entry(f"{indent}{name}:", inner, depth + 1)
    else:
        for inner in value:
            yield from _entry(f"{indent}-", inner, depth + 1)


def _entry(head: str, inner: Any, depth: int) -> Iterator[str]:
    if isinstance(inner, (dict, list)) and inner:
        yield head
        yield from _lines(inner, depth)
    else:
        yield f"{head} {json.dumps(inner, ensure_ascii=False)}"


if __name__ == "__main__":
    sys.stdout.write("# Made by: python -m devices.protocol.describe > docs/asyncapi.yaml\n" + to_yaml(document()))
