"""A call's state made short: deflate (RFC 1951) with the words every state has.

The switch reads what comes by the event socket one byte a system call (``read_packet``), and the state rides ahead of
every command: unpacked, reading it was half of the switch's work for a call.
"""

from __future__ import annotations

import zlib
from typing import Any

MAX_BYTES = 1_000_000
"""Longest state that is unpacked: a channel variable of a stranger's leg is no reason to fill the memory."""

_WINDOW = -12  # 4 KiB, without header and checksum; the first form's
_WIDE = -15  # 32 KiB
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

# Words that came later, used in front of those above; likewise never to be changed.
_MORE_WORDS = (
    b'"ended_in":"agent","ended_ms":17952,"cause":"NORMAL_CLEARING"}],"timers":[{"name":"leaving","due_ms":17952}]'
    b'"step_counter":2,"timers":[{"name":"flow:key","due_ms":17952}],"step":{"id":"z2","what":"play","sent_ms":17952'
    b'"run":{"status":"active","language":"zh","node":"menu","state":{"phase":"prompting","failures":0},"variables":'
    b'{"caller_number":""},"playing":true,"path":[{"node":"menu","name":"Menu","at_ms":17952}]},"path":[{"flow_id":3,'
    b'"version":1,"node":"menu","name":"Menu","at_ms":17952,"keys":"","exit":""}],"step":{"id":"z2"'
    b'"status":"stopping"},"playing":true,"pending":{"do":"go","exit":"key:1","target":"queue"},"path":['
    b'"phase":"waiting","run":{"status":"away","language":"zh","node":"queue","variables"},"path":[{"keys":"1","exit":'
    b'"key:1"},{"node":"queue","name":"Queue","at_ms":17952,"exit":"transfer"}]},"queue_id":7,"queue_entered_ms":17952,'
    b'"queue_order":1977,"after_failure":"bye","path":["exit":"key:1"},{"flow_id":3,"version":1,"node":"queue","name":'
    b'"Queue","at_ms":17952,"keys":"","exit":"transfer"}],"step":{"id":"z3","what":"music","sent_ms":17952},'
    b'"step_counter":3,"timers":[{"name":"queue","due_ms":17952},{"name":"offer","due_ms":17952}],"language":"zh"}'
    b'"phase":"offering","offers":[{"leg_id":"","agent_id":4,"extension_id":4,"queue_id":7,"endpoint":"sip","token":"",'
    b'"offered_ms":17952,"result":"ringing","answered_ms":0,"ended_ms":0,"cause":""}],"phase":"connecting","result":'
    b'"answered","answered_ms":17952,"ended_ms":0,"cause":""}],"agent_id":4,"agent_leg":"","extension_id":4,"path"'
    b'"phase":"talking","talk_started_ms":17952,"segments":[{"name":"1/-1.wav","started_ms":17952,"ended_ms":0,'
    b'"agent_id":4}],"step_counter":3,"language":"zh"}'
)

# Words of the third form, in front of all above; likewise never to be changed.
_THIRD_WORDS = (
    b'{"id":"","tenant_id":1,"cell":"cell1","rev":2,"phase":"flow","caller":"+861","called":"+86","trunk_addres'
    b's":"","route_id":5,"route_code":"main","arrived_ms":17953,"flow_id":3,"flow_version":1,"run":{"language":'
    b'"zh","variables":{"caller_number":"+861","called_number":"+86","call_id":"","caller_region":"","date":"20'
    b'26-","time":"08:40","queue_position":"","last_agent":""}},"step":{"id":"z1","what":"answer","sent_ms":179'
    b'53},"step_counter":1,"language":"zh"}"phase":"waiting","caller":"+861","called":"+86","trunk_address":"",'
    b'"route_id":5,"route_code":"main","arrived_ms":17953,"answered_ms":17953,"flow_id":3,"flow_version":1,"run'
    b'":{"status":"away","language":"zh","node":"queue","variables":{"caller_number":"+861","called_number":"+8'
    b'6","call_id":"","caller_region":"","date":"2026-","time":"08:40","queue_position":"","last_agent":""}},"q'
    b'ueue_id":7,"queue_entered_ms":17953,"queue_order":197795,"queue_position":1,"after_failure":"bye","path":'
    b'[{"flow_id":3,"version":1,"node":"menu","name":"Menu","at_ms":17953,"keys":"1","exit":"key:1"},{"flow_id"'
    b':3,"version":1,"node":"queue","name":"Queue","at_ms":17953,"keys":"","exit":"transfer"}],"step":{"id":"z3'
    b'","what":"music","sent_ms":17953},"step_counter":3,"timers":[{"name":"queue","due_ms":17953}],"language":'
    b'"zh"}"answered_ms":17953,"flow_id":3,"flow_version":1,"run":{"status":"stopping","language":"zh","node":"'
    b'menu","state":{"phase":"prompting","failures":0},"variables":{"caller_number":"+861","called_number":"+86'
    b'","call_id":"","caller_region":"","date":"2026-","time":"08:40","queue_position":"","last_agent":""},"pla'
    b'ying":true,"pending":{"do":"go","exit":"key:1","target":"queue"}},"path":[{"flow_id":3,"version":1,"node"'
    b':"menu","name":"Menu","at_ms":17953,"keys":"1","exit":""}],"step":{"id":"z2","what":"play","sent_ms":1795'
    b'3},"step_counter":2,"timers":[{"name":"stop z2 1","due_ms":17953}],"language":"zh"}"offers":[{"leg_id":""'
    b',"agent_id":4,"extension_id":4,"queue_id":7,"endpoint":"sip","token":"","offered_ms":17953,"result":"ring'
    b'ing","answered_ms":0,"ended_ms":0,"cause":""}],"path":[{"flow_id":3,"version":1,"node":"menu","name":"Men'
    b'u","at_ms":17953,"keys":"1","exit":"key:1"},{"flow_id":3,"version":1,"node":"queue","name":"Queue","at_ms'
    b'":17953,"keys":"","exit":"transfer"}],"step":{"id":"z3","what":"music","sent_ms":17953},"step_counter":3,'
    b'"timers":[{"name":"queue","due_ms":17953},{"name":"offer","due_ms":17953}],"language":"zh"}{"id":"","tena'
    b'nt_id":1,"cell":"cell1","rev":10,"phase":"talking","caller":"+861","called":"+86","trunk_address":"","rou'
    b'te_id":5,"route_code":"main","arrived_ms":17953,"answered_ms":17953,"flow_id":3,"flow_version":1,"run":{"'
    b'status":"away","language":"zh","node":"queue","variables":{"caller_number":"+861","called_number":"+86","'
    b'call_id":"","caller_region":"","date":"2026-","time":"08:40","queue_position":"","last_agent":""}},"queue'
    b'_id":7,"queue_entered_ms":17953,"queue_order":197795,"queue_position":1,"after_failure":"bye","offers":[{'
    b'"leg_id":"","agent_id":4,"extension_id":4,"queue_id":7,"endpoint":"sip","token":"","offered_ms":17953,"re'
    b'sult":"answered","answered_ms":17953,"ended_ms":0,"cause":""}],"talk_started_ms":17953,"agent_id":4,"agen'
    b't_leg":"","extension_id":4,"path":[{"flow_id":3,"version":1,"node":"menu","name":"Menu","at_ms":17953,"ke'
    b'ys":"1","exit":"key:1"},{"flow_id":3,"version":1,"node":"queue","name":"Queue","at_ms":17953,"keys":"","e'
    b'xit":"transfer"}],"segments":[{"name":"1/-1.wav","started_ms":17953,"ended_ms":0,"agent_id":4,"kind":"tal'
    b'k"}],"step_counter":3,"language":"zh"}'
)


FORM = "3"
"""The form that is written."""
_FORMS = {
    "1": (_WINDOW, _WORDS),
    "2": (_WIDE, _WORDS + _MORE_WORDS),
    FORM: (_WIDE, _WORDS + _MORE_WORDS + _THIRD_WORDS),
}


def pack(data: bytes, base: bytes = b"") -> bytes:
    """Return `data` packed; with `base`, which must be there to unpack it, only what is not in that takes room."""
    window, words = _FORMS[FORM]
    packer = zlib.compressobj(6, zlib.DEFLATED, window, 5, zlib.Z_DEFAULT_STRATEGY, words + base)
    return packer.compress(data) + packer.flush()


def unpack(data: bytes, base: bytes = b"", form: str = FORM) -> bytes:
    """Return what :func:`pack` was given. Raises ``ValueError`` for anything else, or for more than `MAX_BYTES`."""
    if form not in _FORMS:
        raise ValueError(f"there is no form {form!r}")
    window, words = _FORMS[form]
    return _unpack(zlib.decompressobj(window, words + base), data)


def _unpack(unpacker: Any, data: bytes) -> bytes:
    try:
        found: bytes = unpacker.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ValueError("not packed by us") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("a packed state that does not end where it should")
    return found
