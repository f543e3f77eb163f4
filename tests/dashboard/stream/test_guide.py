"""The page on the stream says what the code says."""

from __future__ import annotations

import html
import json

import pytest

from dashboard.guide.contract import fields_of
from dashboard.stream import messages
from dashboard.stream.guide import stream_schema

KINDS = (*messages.FROM_CLIENT, *messages.FROM_SERVER)


@pytest.fixture
def page(client, db) -> str:
    return html.unescape(client.get("/docs/stream/").content.decode())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__struct_config__.tag)
def test_every_message_and_each_of_its_fields_is_on_the_page(page, kind):
    tag = kind.__struct_config__.tag
    section = page.split(f'">{tag}</h3>')[1].split("<h3")[0]

    assert [name for name in kind.__struct_encode_fields__ if f"<b>{name}</b>" not in section] == []


@pytest.mark.parametrize(
    "kind", (*KINDS, messages.Fact, messages.Problem, messages.Price), ids=lambda kind: kind.__name__
)
def test_every_field_says_what_it_means(kind):
    assert [entry.name for entry in fields_of(kind) if not entry.help] == []


@pytest.mark.parametrize("channel", messages.Channel)
def test_every_channel_is_on_the_page_with_what_it_means(page, channel):
    assert f"<code>'{channel}'</code>" in page
    assert all(entry.help for entry in fields_of(messages.Channel))


def test_the_schema_has_every_message_by_direction(client, db):
    schema = client.get("/docs/stream/schema.json").json()

    tags = {
        tuple(part["properties"]["type"]["enum"])
        for part in schema["$defs"].values()
        if "type" in part.get("properties", {}) and "enum" in part["properties"]["type"]
    }
    assert tags == {(kind.__struct_config__.tag,) for kind in KINDS}
    assert schema == json.loads(json.dumps(stream_schema()))
    assert len(schema["$defs"]["FromClient"]["oneOf"]) == len(messages.FROM_CLIENT)


def test_the_api_leads_to_the_page(client, db):
    assert (
        "/docs/stream/"
        in client.get("/api/schema/", headers={"accept": "application/json"}).json()["info"]["description"]
    )
