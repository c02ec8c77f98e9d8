"""The demo tenant's flow: a menu in Chinese, then English, with one key for each of its queues."""

from __future__ import annotations

from typing import Any

import msgspec

from ivr.model import Flow, Prompt, SoundPrompt, TextPrompt
from ivr.nodes.hangup import HangupNode
from ivr.nodes.menu import Menu
from ivr.nodes.playback import Playback
from ivr.nodes.transfer import TransferKind, TransferNode


def demo_flow_document(queue_sales_id: int, queue_support_id: int) -> dict[str, Any]:
    """Return the flow as a JSON-safe document that passes `ivr.checks`; the ids are the queues' primary keys."""
    flow = Flow(
        name="总机演示 Demo switchboard",
        entry="welcome",
        fallback="goodbye",
        nodes=[
            Playback(
                code="welcome",
                name="欢迎 Welcome",
                prompts=_both("您好，欢迎致电总机演示公司。", "Welcome to the Zongji demo company."),
                interruptible=True,
                next="menu",
            ),
            _menu(),
            _queue("sales", "转销售 To sales", queue_sales_id),
            _queue("support", "转技术支持 To support", queue_support_id),
            HangupNode(code="goodbye", name="再见 Goodbye", prompts=_sound("goodbye")),
        ],
    )
    document: dict[str, Any] = msgspec.to_builtins(flow)
    return document


def _menu() -> Menu:
    return Menu(
        code="menu",
        name="主菜单 Main menu",
        prompts=_both(
            "销售请按1，技术支持请按2，重听请按9，结束通话请按0。",
            "For sales, press 1. For support, press 2. To hear this again, press 9. To end the call, press 0.",
        ),
        keys={"1": "sales", "2": "support", "9": "menu", "0": "goodbye"},
        timeout_s=6,
        attempts=3,
        invalid_prompts=_sound("invalid-key"),
        timeout_prompts=_sound("no-key"),
        failure="goodbye",
    )


def _queue(code: str, name: str, queue_id: int) -> TransferNode:
    return TransferNode(
        code=code,
        name=name,
        to=TransferKind.QUEUE,
        target_id=queue_id,
        background=_sound("please-hold"),
        failure_prompts=_sound("nobody-available"),
        failure="goodbye",
    )


def _both(chinese: str, english: str) -> list[Prompt]:
    return [TextPrompt(text=chinese, language="zh"), TextPrompt(text=english, language="en")]


def _sound(name: str) -> list[Prompt]:
    return [SoundPrompt(name=name, language="zh"), SoundPrompt(name=name, language="en")]
