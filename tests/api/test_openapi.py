"""The description of the API is whole enough to be read instead of the code."""

from __future__ import annotations

from tests.api.site import Site


def test_every_operation_is_described(site: Site) -> None:
    description = site.client().get("/api/v1/openapi.json").json()
    tags = {tag["name"] for tag in description["tags"]}
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    assert len(operations) > 50
    for name, operation in operations.items():
        assert operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        if "/api/v1/" in name:
            refused = operation["responses"].get("401") or operation["responses"]["422"]
            assert "application/problem+json" in refused["content"], name
            # The framework's own shape of errors is not what we answer with.
            assert "HTTPValidationError" not in str(operation), name


def test_nothing_is_loaded_from_elsewhere(site: Site) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert site.as_("admin").get(path).status_code == 404
