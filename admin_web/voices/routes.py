"""The routes of the voice library besides its lists."""

from __future__ import annotations

from flask import Blueprint

from admin_web.voices.by_phone import ByPhone, StopTake, Take
from admin_web.voices.from_text import FromText, Preview
from admin_web.voices.pages import Audio, Download, Peaks, ReviewAudio, ReviewPage, ReviewPeaks, VoicePage
from admin_web.voices.speech import SpeechPage, TrySpeech
from admin_web.voices.uploads import Record, Replace, Upload

blueprint = Blueprint("voices", __name__)
blueprint.add_url_rule("/voices/upload", view_func=Upload.as_view("upload"))
blueprint.add_url_rule("/voices/record", view_func=Record.as_view("record"))
blueprint.add_url_rule("/voices/phone", view_func=ByPhone.as_view("phone"))
blueprint.add_url_rule("/voices/phone/<take_id>", view_func=Take.as_view("phone_take"))
blueprint.add_url_rule("/voices/phone/<take_id>/stop", view_func=StopTake.as_view("phone_stop"))
blueprint.add_url_rule("/voices/text", view_func=FromText.as_view("text"))
blueprint.add_url_rule("/voices/text/preview", view_func=Preview.as_view("preview"))
blueprint.add_url_rule("/voices/<int:voice_id>", view_func=VoicePage.as_view("voice"))
blueprint.add_url_rule("/voices/<int:voice_id>/sound", view_func=Replace.as_view("replace"))
blueprint.add_url_rule("/voices/<int:voice_id>/audio", view_func=Audio.as_view("audio"))
blueprint.add_url_rule("/voices/<int:voice_id>/peaks", view_func=Peaks.as_view("peaks"))
blueprint.add_url_rule("/voices/<int:voice_id>/file", view_func=Download.as_view("download"))
blueprint.add_url_rule("/platform/voices/<int:voice_id>", view_func=ReviewPage.as_view("review"))
blueprint.add_url_rule("/platform/voices/<int:voice_id>/audio", view_func=ReviewAudio.as_view("review_audio"))
blueprint.add_url_rule("/platform/voices/<int:voice_id>/peaks", view_func=ReviewPeaks.as_view("review_peaks"))
blueprint.add_url_rule("/platform/speech", view_func=SpeechPage.as_view("speech"))
blueprint.add_url_rule("/platform/speech/try", view_func=TrySpeech.as_view("try_speech"))
