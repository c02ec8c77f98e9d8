"""What the platform itself says, in both languages. Texts are ours; `sounds.build` speaks them."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    # Said by the switch alone when no controller answers or one goes silent, and by the engine as its last resort.
    "system-busy": {
        "zh": "抱歉，系统繁忙，请稍后再拨。",
        "en": "Sorry, the system is busy. Please call again later.",
    },
    "number-not-in-service": {
        "zh": "您拨打的号码未启用，请核对后再拨。",
        "en": "The number you dialled is not in service. Please check the number and call again.",
    },
    "line-busy": {
        "zh": "您拨打的线路正忙，请稍后再拨。",
        "en": "All lines are busy. Please call again later.",
    },
    "queue-full": {
        "zh": "抱歉，当前等候的人数较多，请稍后再拨。",
        "en": "Sorry, too many callers are waiting at the moment. Please call again later.",
    },
    "nobody-available": {
        "zh": "抱歉，暂时没有空闲的客服人员，请稍后再拨。",
        "en": "Sorry, nobody is available to take your call. Please call again later.",
    },
    "unavailable": {
        "zh": "抱歉，现在无法接通，请稍后再拨。",
        "en": "Sorry, your call cannot be connected now. Please call again later.",
    },
    "closed": {
        "zh": "您好，现在是非工作时间，请在工作时间来电。",
        "en": "Our office is closed now. Please call again during business hours.",
    },
    "please-hold": {
        "zh": "正在为您转接，请稍候。",
        "en": "Please hold while we connect you.",
    },
    "all-agents-busy": {
        "zh": "客服人员正忙，请您继续等候，我们会尽快为您接通。",
        "en": "Our agents are busy. Please stay on the line; we will be with you as soon as we can.",
    },
    "invalid-key": {
        "zh": "按键无效，请重新选择。",
        "en": "That is not a valid choice. Please try again.",
    },
    "no-key": {
        "zh": "没有收到您的按键，请重新选择。",
        "en": "We did not receive your choice. Please try again.",
    },
    "prompt-unavailable": {
        "zh": "抱歉，这段语音暂时无法播放。",
        "en": "Sorry, this message is not available at the moment.",
    },
    "goodbye": {
        "zh": "感谢您的来电，再见。",
        "en": "Thank you for calling. Goodbye.",
    },
}
"""Name of a prompt to its text in each language."""
