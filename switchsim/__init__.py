"""A stand-in for FreeSWITCH that speaks its event socket: channels, applications, phones and callers, without media.

It knows nothing of the platform. What it does is what a real switch was seen doing; `tests/conformance/switch` runs
the same scenarios on both and compares. See docs/switchsim.md.
"""
