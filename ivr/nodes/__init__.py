"""The node types. Every module here but `base` holds one; importing this package finds them all."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Union

from ivr.nodes.base import Node


def _node_types() -> tuple[type[Node], ...]:
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(Node.__subclasses__(), key=lambda cls: str(cls.__struct_config__.tag)))


NODE_TYPES: dict[str, type[Node]] = {str(cls.__struct_config__.tag): cls for cls in _node_types()}
"""Node type (the ``type`` of a node in a document) to its class."""

if TYPE_CHECKING:
    AnyNode = Node
else:
    AnyNode = Union[tuple(NODE_TYPES.values())]  # noqa: UP007 - built at run time, from whatever files are there
