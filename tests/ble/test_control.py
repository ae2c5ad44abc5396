"""The control point against the golden vectors, and against bytes that are no responses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imurun.ble.control import (
    LogList,
    Op,
    Parts,
    Request,
    decode_capabilities,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from tests.ble.ble_helpers import VECTORS


def as_fields(response):
    payload = response.payload
    fields = {} if payload is None else payload._asdict()
    if isinstance(payload, LogList):
        fields = {"logs": [entry._asdict() for entry in payload.logs]}
    if "n_samples" in fields:
        fields["count"] = fields.pop("n_samples")
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}
    return {"op": response.op, "ref": response.ref, **fields, "status": response.status}


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_requests_match_the_vectors(vector):
    op, ref, *values = vector["fields"].values()
    request = Request(Op(op), ref, tuple(values))
    assert encode_request(request).hex() == vector["hex"]
    assert decode_request(bytes.fromhex(vector["hex"])) == request


@pytest.mark.parametrize("vector", VECTORS["responses"], ids=lambda vector: vector["name"])
def test_responses_match_the_vectors(vector):
    parts = Parts()
    indications = [bytes.fromhex(part) for part in vector["parts"]]
    responses = [parts.feed(part) for part in indications]
    assert responses[:-1] == [None] * (len(responses) - 1)
    assert as_fields(responses[-1]) == vector["fields"]
    assert encode_response(responses[-1], vector["mtu"]) == indications
    assert parts.rejected == 0


def test_a_response_cut_off_by_the_next_is_dropped():
    mtu_23 = next(v for v in VECTORS["responses"] if v["name"] == "status, MTU 23")
    stop = next(v for v in VECTORS["responses"] if v["name"] == "stop, MTU 23")
    parts = Parts()
    assert parts.feed(bytes.fromhex(mtu_23["parts"][0])) is None
    response = parts.feed(bytes.fromhex(stop["parts"][0]))
    assert as_fields(response) == stop["fields"]
    assert parts.rejected == 1


def test_a_payload_too_short_is_none():
    assert decode_response(bytes.fromhex("80040300b6")).payload is None
    assert decode_response(bytes.fromhex("80010000")).payload is None


def test_a_longer_payload_is_a_later_version():
    assert decode_response(bytes.fromhex("8004030080b60500ff")).payload.next_index == 374400


@pytest.mark.parametrize("vector", VECTORS["responses"][:1], ids=lambda vector: vector["name"])
def test_capabilities_cut_short_are_refused(vector):
    data = bytes.fromhex(vector["parts"][0])[4:]
    assert decode_capabilities(data).firmware == vector["fields"]["firmware"]
    for length in range(len(data)):
        assert decode_capabilities(data[:length]) is None


@settings(max_examples=500)
@given(st.lists(st.binary(max_size=250), max_size=4), st.sampled_from([b"", b"\x80", b"\x81"]))
def test_random_bytes_raise_no_error(indications, first):
    parts = Parts()
    for data in indications:
        parts.feed(first + data)
        decode_response(first + data)
        decode_request(data)
        decode_capabilities(data)


def test_endless_parts_are_dropped():
    parts = Parts()
    for _ in range(100):
        assert parts.feed(bytes((0x81, 1, 0, 0)) + bytes(240)) is None
    assert parts.rejected > 0
    assert len(parts._payload) < 5000
