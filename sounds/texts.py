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
    "callback-noted": {
        "zh": "已为您登记，我们会按您的顺序回电，再见。",
        "en": "Thank you. We will call you back in your turn. Goodbye.",
    },
    "employee-number": {
        "zh": "正在为您接通，工号",
        "en": "You are being connected to agent",
    },
    "press-to-take": {
        "zh": "您有一个来电，请按一接听。",
        "en": "You have a call. Press 1 to take it.",
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
    "one-moment": {
        "zh": "正在为您查询，请稍候。",
        "en": "One moment, please.",
    },
    "voicemail-greeting": {
        "zh": "请在提示音后留言，留言结束请挂机或按井号键。",
        "en": "Please leave a message after the tone. When you have finished, hang up or press the hash key.",
    },
    "voicemail-thanks": {
        "zh": "您的留言已录下，谢谢。",
        "en": "Your message has been recorded. Thank you.",
    },
    "survey-ask": {
        "zh": "请对本次服务评分，非常满意请按五，非常不满意请按一。",
        "en": "Please rate our service, from one, very dissatisfied, to five, very satisfied.",
    },
    "survey-thanks": {
        "zh": "感谢您的评价。",
        "en": "Thank you for your feedback.",
    },
    "consent-ask": {
        "zh": "为了提升服务质量，本次通话将被录音。同意请按一，不同意请按二。",
        "en": "We would like to record this call to improve our service. To agree, press one. To decline, press two.",
    },
    "callback-ask": {
        "zh": "我们可以稍后给您回电。回拨您现在的号码请按一，回拨其他号码请按二。",
        "en": "We can call you back. To be called on this number, press one. To give us another number, press two.",
    },
    "callback-number": {
        "zh": "请输入回电号码，按井号键结束。",
        "en": "Please enter the number to call, followed by the hash key.",
    },
    "callback-thanks": {
        "zh": "已为您登记，我们会尽快给您回电。",
        "en": "Thank you. We will call you back as soon as we can.",
    },
    "collect-ask": {
        "zh": "请输入号码，按井号键结束。",
        "en": "Please enter the number, followed by the hash key.",
    },
    "collect-invalid": {
        "zh": "输入有误，请重新输入。",
        "en": "That entry is not valid. Please try again.",
    },
    "prompt-unavailable": {
        "zh": "抱歉，这段语音暂时无法播放。",
        "en": "Sorry, this message is not available at the moment.",
    },
    # Said to who records a voice for the flows by telephone.
    "voice-record-ask": {
        "zh": "请在提示音后开始录音，录完请按井号键，或直接挂机。",
        "en": "Please speak after the tone. When you have finished, press the hash key, or hang up.",
    },
    "voice-record-too-short": {
        "zh": "没有听到声音，或者录音太短，请在提示音后再录一次。",
        "en": "Nothing could be heard, or it was too short. Please speak again after the tone.",
    },
    "voice-record-menu": {
        "zh": "试听请按一，重新录制请按二，保存请按三或井号键。",
        "en": "To listen, press one. To record again, press two. To keep it, press three or the hash key.",
    },
    "voice-record-kept": {
        "zh": "录音已保存，再见。",
        "en": "Your recording has been kept. Goodbye.",
    },
    "voice-record-dropped": {
        "zh": "录音没有保存，再见。",
        "en": "Your recording has not been kept. Goodbye.",
    },
    "goodbye": {
        "zh": "感谢您的来电，再见。",
        "en": "Thank you for calling. Goodbye.",
    },
}
"""Name of a prompt to its text in each language."""
