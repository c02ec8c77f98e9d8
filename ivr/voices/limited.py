"""Runs a program with limits it cannot lift, then becomes that program. Run as a script, isolated (``-I -S``).

Files tenants upload go into native decoders: memory, processor time and what is written are bounded by the kernel,
whatever the file makes the decoder do. Arguments: memory in bytes, processor seconds, largest file in bytes, the
program's path, its arguments.
"""

from __future__ import annotations

import os
import resource
import sys

if __name__ == "__main__":
    memory_bytes, cpu_s, file_bytes = (int(each) for each in sys.argv[1:4])
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - no shell is meant to be in between
