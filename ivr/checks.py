"""What must be right before a flow is published (CTI-I14). Pure; the editor asks the same while somebody
edits.

Errors keep a flow from being published, warnings do not. References to things outside the flow (queues,
extensions, voices) are checked against `Known` when it is given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Set

from ivr.model import (
    MAX_VALUE,
    MAX_VARIABLES,
    Flow,
    Node,
    Prompt,
    SystemVariable,
    SystemVariablePrompt,
    TextPrompt,
    VariablePrompt,
    VoicePrompt,
)
from ivr.nodes.base import Exit, Reference, ReferenceKind
from ivr.patterns import MAX_PATTERNS, is_pattern
from ivr.places import names
from ivr.problems import N_, Problem, Severity
from ivr.prompt_values import MAX_SPOKEN
from ivr.reading import read

_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")

Known = Mapping[ReferenceKind, Set[int]]
"""Ids that exist and may be used, by kind; a kind that is left out is not checked."""


def check(flow: Flow, known: Known | None = None) -> list[Problem]:
    """Return everything that is wrong with `flow`, in the order of its nodes; empty means perfect."""
    problems = [*_flow_fields(flow), *_variables(flow), *_codes(flow)]
    for node in flow.nodes:
        problems += _node(flow, node, known or {})
    return [*problems, *_patterns(flow), *_unreachable(flow), *_spinning(flow)]


def errors(flow: Flow, known: Known | None = None) -> list[Problem]:
    """Return what keeps `flow` from being published."""
    return [problem for problem in check(flow, known) if problem.severity is Severity.ERROR]


def references(flow: Flow) -> list[tuple[str, Reference]]:
    """Return what `flow` uses from outside, with the code of the node that does."""
    found: list[tuple[str, Reference]] = []
    for node in flow.nodes:
        found += [(node.code, reference) for reference in node.references()]
        for field, prompt in _prompts(node):
            if isinstance(prompt, VoicePrompt):
                found.append(
                    (node.code, Reference(kind=ReferenceKind.VOICE, id=prompt.voice_id, field=field))
                )
    return found


def variable_users(flow: Flow, name: str) -> list[tuple[str, str]]:
    """Return where `flow` uses the variable `name`, as node code and field: while there is any, it cannot be
    deleted (CTI-I3).
    """
    found = []
    for node in flow.nodes:
        found += [(node.code, use.field) for use in node.variable_uses() if use.name == name]
        for field, prompt in _prompts(node):
            if isinstance(prompt, VariablePrompt) and prompt.name == name:
                found.append((node.code, f"{field}.name"))
    return found


def _flow_fields(flow: Flow) -> Iterator[Problem]:
    if not flow.name.strip():
        yield Problem(id="no-name", message=N_("Give the flow a name."), field="name")
    if not flow.entry:
        yield Problem(id="no-entry", message=N_("Choose the node calls enter at."), field="entry")
    elif flow.node(flow.entry) is None:
        yield _dangling("", "entry", flow.entry)
    if flow.fallback and flow.node(flow.fallback) is None:
        yield _dangling("", "fallback", flow.fallback)


def _variables(flow: Flow) -> Iterator[Problem]:
    if len(flow.variables) > MAX_VARIABLES:
        message = N_("A flow has at most %(most)s variables.")
        yield Problem(id="too-many", message=message, params={"most": str(MAX_VARIABLES)}, field="variables")
    seen: set[str] = set()
    for index, variable in enumerate(flow.variables):
        field = f"variables.{index}.name"
        params = {"name": variable.name}
        if not _NAME.fullmatch(variable.name):
            message = N_("A variable's name has letters, digits and underscores only.")
            yield Problem(id="bad-variable-name", message=message, field=field)
        elif variable.name in set(SystemVariable):
            message = N_("%(name)s is the name of a system variable.")
            yield Problem(id="reserved-name", message=message, params=params, field=field)
        elif variable.name in seen:
            message = N_("There is more than one variable named %(name)s.")
            yield Problem(id="duplicate-variable", message=message, params=params, field=field)
        if len(variable.initial) > MAX_VALUE:
            message = N_("A value has at most %(most)s characters.")
            yield Problem(
                id="too-long",
                message=message,
                params={"most": str(MAX_VALUE)},
                field=f"variables.{index}.initial",
            )
        seen.add(variable.name)


def _codes(flow: Flow) -> Iterator[Problem]:
    for code, count in Counter(node.code for node in flow.nodes).items():
        if not _CODE.fullmatch(code):
            message = N_("A node's code has letters, digits, - and _ only.")
            yield Problem(id="bad-code", message=message, node=code, field="code")
        if count > 1:
            message = N_("More than one node has the code %(code)s.")
            yield Problem(
                id="duplicate-code", message=message, params={"code": code}, node=code, field="code"
            )


def _node(flow: Flow, node: Node, known: Known) -> Iterator[Problem]:
    if not node.name.strip():
        yield Problem(id="no-node-name", message=N_("Give the node a name."), node=node.code, field="name")
    yield from node.check(flow)
    for arrow in node.exits():
        if arrow.target and flow.node(arrow.target) is None:
            yield _dangling(node.code, arrow.field, arrow.target)
        elif arrow.required and not arrow.target:
            message = N_("Choose the node to go on at.")
            yield Problem(id="no-next-node", message=message, node=node.code, field=arrow.field)
    for field, prompt in _prompts(node):
        yield from _prompt(flow, node.code, field, prompt)
    yield from _variable_uses(flow, node)
    for code, reference in references(Flow(nodes=[node])):
        if reference.id and reference.kind in known and reference.id not in known[reference.kind]:
            message = N_("What was chosen here does not exist any more, or may not be used.")
            yield Problem(id=f"unknown-{reference.kind}", message=message, node=code, field=reference.field)


def _variable_uses(flow: Flow, node: Node) -> Iterator[Problem]:
    own = flow.variable_names()
    for use in node.variable_uses():
        if not use.name:
            message = N_("Choose a variable.")
            yield Problem(id="no-variable", message=message, node=node.code, field=use.field)
        elif use.name not in own and (use.own or use.name not in set(SystemVariable)):
            message = N_("There is no variable named %(name)s.")
            params = {"name": use.name}
            yield Problem(
                id="unknown-variable", message=message, params=params, node=node.code, field=use.field
            )


def _prompts(node: Node) -> Iterator[tuple[str, Prompt]]:
    for field, prompts in node.prompt_lists().items():
        for index, prompt in enumerate(prompts):
            yield f"{field}.{index}", prompt


def _prompt(flow: Flow, node: str, field: str, prompt: Prompt) -> Iterator[Problem]:
    if prompt.language not in {"", "zh", "en"}:
        message = N_("Prompts are spoken in zh or en.")
        yield Problem(id="unknown-language", message=message, node=node, field=f"{field}.language")
    match prompt:
        case VoicePrompt(voice_id=0):
            yield Problem(
                id="no-voice", message=N_("Choose a recording."), node=node, field=f"{field}.voice_id"
            )
        case TextPrompt() if not any(character.isalnum() for character in prompt.text):
            yield Problem(
                id="no-text", message=N_("Enter the text to speak."), node=node, field=f"{field}.text"
            )
        case TextPrompt():
            yield from _text(flow, node, f"{field}.text", prompt)
        case VariablePrompt() if prompt.name not in flow.variable_names():
            message = N_("There is no variable named %(name)s.")
            params = {"name": prompt.name}
            yield Problem(
                id="unknown-variable", message=message, params=params, node=node, field=f"{field}.name"
            )
        case SystemVariablePrompt() | _:
            pass


def _text(flow: Flow, node: str, field: str, prompt: TextPrompt) -> Iterator[Problem]:
    languages = [prompt.language] if prompt.language else ["zh", "en"]
    if any(len(read(prompt.text, prompt.reading, language)) > MAX_SPOKEN for language in languages):
        message = N_("This is too long to be spoken in one go. Make two items of it.")
        yield Problem(id="too-long", message=message, node=node, field=field)
    for name in names(prompt.text):
        if name in flow.variable_names() or name in set(SystemVariable):
            message = N_("{%(name)s} is spoken as it is written. Add the variable as an item of its own.")
            yield Problem(
                id="place-in-text",
                message=message,
                params={"name": name},
                node=node,
                field=field,
                severity=Severity.WARNING,
            )


def _dangling(node: str, field: str, target: str) -> Problem:
    message = N_("This leads to the node %(target)s, which does not exist.")
    return Problem(id="dangling-jump", message=message, params={"target": target}, node=node, field=field)


def _patterns(flow: Flow) -> Iterator[Problem]:
    found = [(node.code, field, pattern) for node in flow.nodes for field, pattern in node.patterns()]
    for code, field, pattern in found:
        if not is_pattern(pattern):
            message = N_("This is not a pattern that can be used.")
            yield Problem(id="bad-pattern", message=message, node=code, field=field)
    for code, field, _ in found[MAX_PATTERNS:]:
        message, params = N_("A flow has at most %(most)s patterns."), {"most": str(MAX_PATTERNS)}
        yield Problem(id="too-many", message=message, params=params, node=code, field=field)


def _unreachable(flow: Flow) -> Iterator[Problem]:
    if flow.node(flow.entry) is None:
        return
    by_code = {node.code: node for node in flow.nodes}
    reached: set[str] = set()
    ahead = [flow.entry, flow.fallback]
    while ahead:
        code = ahead.pop()
        if code in by_code and code not in reached:
            reached.add(code)
            ahead += [arrow.target for arrow in by_code[code].exits()]
    for node in flow.nodes:
        if node.code not in reached:
            message = N_("No way leads to this node.")
            yield Problem(id="unreachable", message=message, node=node.code, field="code")


def _spinning(flow: Flow) -> Iterator[Problem]:
    """Yield an arrow of each circle a call could go round without its caller being waited for."""
    by_code = {node.code: node for node in flow.nodes}
    finished: set[str] = set()
    for start in by_code:
        # Depth first without recursion: a flow may be a chain of hundreds of nodes.
        trail: list[tuple[str, Iterator[Exit]]] = []
        on_trail: set[str] = set()
        if start not in finished:
            trail, on_trail = [(start, _unwaited(by_code[start]))], {start}
        while trail:
            code, arrows = trail[-1]
            arrow = next(arrows, None)
            if arrow is None:
                trail.pop()
                on_trail.discard(code)
                finished.add(code)
            elif arrow.target in on_trail:
                message = N_(
                    "From here calls can go round to %(target)s for ever without the caller doing anything."
                )
                params = {"target": arrow.target}
                yield Problem(id="spinning", message=message, params=params, node=code, field=arrow.field)
            elif arrow.target in by_code and arrow.target not in finished:
                trail.append((arrow.target, _unwaited(by_code[arrow.target])))
                on_trail.add(arrow.target)


def _unwaited(node: Node) -> Iterator[Exit]:
    return (arrow for arrow in node.exits() if not arrow.waits)
