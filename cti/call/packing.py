"""A call's state made short: deflate (RFC 1951) with the words every state has.

The switch reads what comes by the event socket one byte a system call (``read_packet``), and the state rides ahead of
every command: unpacked, reading it was half of the switch's work for a call.
"""

from __future__ import annotations

import zlib

MAX_BYTES = 1_000_000
"""Longest state that is unpacked: a channel variable of a stranger's leg is no reason to fill the memory."""

_WINDOW = -12  # 4 KiB, without header and checksum
# Never change it: states packed with it are on live legs and in records. A better one needs a new form.
_WORDS = (
    b'"ended_detail":"","refusal":"","missed":1,"held":true,"keys":"","timers":[{"name":"offer","due_ms":17{"name":'
    b'"queue","due_ms":17"step":{"id":"","what":"music","sent_ms":17"what":"play""what":"answer""status":"playing"'
    b'"status":"listening","exit":"failure:timeout","result":"no_answer","cause":"NO_ANSWER","result":"ringing",'
    b'"endpoint":"web",{"id":"","tenant_id":1,"cell":"cell1","rev":10,"phase":"offering","phase":"waiting","phase":'
    b'"talking","caller":"+861","called":"+86400","trunk_address":"1","route_id":1,"route_code":"main","arrived_ms":17,'
    b'"answered_ms":17,"flow_id":1,"flow_version":1,"run":{"status":"away","language":"zh","node":"","variables":{'
    b'"caller_number":"+861","called_number":"+86400","call_id":""},"path":[{"node":"menu","name":"","at_ms":17,"keys":'
    b'"1","exit":"key:1"},{"node":"queue","name":"","at_ms":17,"exit":"transfer"}]},"queue_id":1,"queue_entered_ms":17,'
    b'"queue_order":1,"after_failure":"","offers":[{"leg_id":"","agent_id":1,"extension_id":1,"queue_id":1,"endpoint":'
    b'"sip","token":"","offered_ms":17,"result":"answered","answered_ms":17,"ended_ms":0,"cause":""}],"talk_started_ms"'
    b':17,"agent_id":1,"agent_leg":"","extension_id":1,"path":[{"flow_id":1,"version":1,"node":"","name":"","at_ms":17,'
    b'"keys":"","exit":"transfer"}],"segments":[{"name":"1/-1.wav","started_ms":17,"ended_ms":0,"agent_id":1}],'
    b'"step_counter":3,"language":"zh"}'
)


def pack(data: bytes) -> bytes:
    """Return `data` packed."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _WINDOW, 5, zlib.Z_DEFAULT_STRATEGY, _WORDS)
    return packer.compress(data) + packer.flush()


def unpack(data: bytes) -> bytes:
    """Return what :func:`pack` was given. Raises ``ValueError`` for anything else, or for more than `MAX_BYTES`."""
    unpacker = zlib.decompressobj(_WINDOW, _WORDS)
    try:
        found = unpacker.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ValueError("not packed by us") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("a packed state that does not end where it should")
    return found
