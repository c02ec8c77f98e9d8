from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.esl.codec import Decoder, Frame, Kind, ProtocolError


def event(body: bytes, kind: str = "json") -> bytes:
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (len(body), kind.encode(), body)


SAMPLES = [
    (b"Content-Type: auth/request\n\n", Kind.AUTH_REQUEST, b""),
    (b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n", Kind.REPLY, b""),
    (b"Content-Type: api/response\nContent-Length: 5\n\na\n\n\nb", Kind.API_RESPONSE, b"a\n\n\nb"),
    (event('{"x":"总机"}'.encode()), Kind.EVENT_JSON, '{"x":"总机"}'.encode()),
    (event(b"Event-Name: X\n\n", "plain"), Kind.EVENT_PLAIN, b"Event-Name: X\n\n"),
    (event(b"<event/>", "xml"), Kind.EVENT_XML, b"<event/>"),
    (b"Content-Type: log/data\nContent-Length: 3\nLog-Level: 7\nText-Channel: 0\n\nhi\n", Kind.LOG, b"hi\n"),
    (b"Content-Type: text/disconnect-notice\nContent-Length: 4\n\nbye\n", Kind.DISCONNECT, b"bye\n"),
    (b"Content-Type: text/rude-rejection\nContent-Length: 2\n\nno", Kind.REJECTION, b"no"),
    (b"X-New: 1\nContent-Length: 0\n\n", Kind.OTHER, b""),
]
STREAM = b"".join(data for data, _, _ in SAMPLES)
EXPECTED = [(kind, body) for _, kind, body in SAMPLES]


def plain(frames: list[Frame]) -> list[tuple[Kind, bytes]]:
    return [(frame.kind, frame.body) for frame in frames]


@pytest.mark.parametrize(("data", "kind", "body"), SAMPLES)
def test_each_kind_whole_byte_by_byte_and_with_trailing_data(data, kind, body):
    assert plain(Decoder().feed(data)) == [(kind, body)]
    decoder = Decoder()
    frames = [frame for at in range(len(data)) for frame in decoder.feed(data[at : at + 1])]
    assert plain(frames) == [(kind, body)]
    decoder.close()
    decoder = Decoder()
    assert plain(decoder.feed(data + b"Content-Ty")) == [(kind, body)]
    assert decoder.pending_bytes == 10
    assert plain(decoder.feed(b"pe: auth/request\n\n")) == [(Kind.AUTH_REQUEST, b"")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_any_division_of_the_stream_gives_the_same_frames(cuts):
    decoder = Decoder()
    points = [0, *sorted(cuts), len(STREAM)]
    frames = []
    for start, end in itertools.pairwise(points):
        frames += decoder.feed(STREAM[start:end])
    assert plain(frames) == EXPECTED
    decoder.close()


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([data[:n] for data, _, _ in SAMPLES for n in (9, 40, 999)]),
        )
    )
)
def test_garbage_is_refused_or_waited_for_but_never_kept_beyond_its_bounds(chunks):
    decoder = Decoder(max_head_bytes=200, max_body_bytes=500)
    try:
        for chunk in chunks:
            for frame in decoder.feed(chunk):
                assert len(frame.head) <= 200
                assert len(frame.body) <= 500
            assert decoder.pending_bytes <= 702 + len(chunk)
    except ProtocolError:
        pass


def test_a_character_split_over_two_reads_stays_whole():
    data = event('{"name":"张三"}'.encode())
    at = data.index("张".encode()) + 1
    decoder = Decoder()
    assert decoder.feed(data[:at]) == []
    assert decoder.feed(data[at:])[0].body.decode() == '{"name":"张三"}'


def test_a_length_counts_bytes_not_characters():
    body = "é总😀".encode()
    frames = Decoder().feed(event(body) + event(b"{}"))
    assert [frame.body for frame in frames] == [body, b"{}"]


def test_the_end_within_a_frame_is_an_error_and_after_one_is_not():
    decoder = Decoder()
    decoder.feed(event(b"{}") + b"Content-Length: 10\n\nhalf")
    with pytest.raises(ProtocolError, match="ended within a frame"):
        decoder.close()
    with pytest.raises(ProtocolError, match="after the end"):
        decoder.feed(b"x")
    Decoder().close()


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: x\n\n",
        b"Content-Length: -1\n\n",
        b"Content-Length: +5\n\n",
        b"Content-Length: 1_0\n\n",
        b"Content-Length:\n\n",
        b"Content-Length: 2\nContent-Length: 3\n\n",
        b"Content-Length: 501\n\n",
        b"Content-Length: 501\nContent-Type: text/event-json\n\n",
        b"Content-Length: 99999999999999999999\nContent-Type: text/event-json\n\n",
        b"x" * 201,
        b"x: y\n" * 50 + b"\n",
    ],
)
def test_lengths_without_sense_and_blocks_over_their_bounds_are_refused(data):
    with pytest.raises(ProtocolError):
        Decoder(max_head_bytes=200, max_body_bytes=500).feed(data)
    decoder = Decoder(max_head_bytes=200, max_body_bytes=500)
    with pytest.raises(ProtocolError):
        list(map(decoder.feed, (data[at : at + 1] for at in range(len(data)))))


def test_a_length_given_twice_alike_is_taken():
    assert Decoder().feed(b"Content-Length: 2\nContent-Length: 2\n\nok")[0].body == b"ok"


def test_headers_are_read_in_any_case_and_the_first_counts():
    (frame,) = Decoder().feed(
        b"\n\nContent-Type: command/reply\nReply-Text: +OK: a\nreply-text: b\nX: \xff\n\n"
    )
    assert frame.header("reply-TEXT") == "+OK: a"
    assert frame.header("None") == ""
    assert frame.headers()["X"] == "\ufffd"


def test_a_large_body_in_small_pieces_is_not_copied_again_and_again():
    body = b"x" * 2_000_000
    data = event(body)
    decoder = Decoder()
    frames = []
    for at in range(0, len(data), 100):
        frames += decoder.feed(data[at : at + 100])
    assert frames[0].body == body
