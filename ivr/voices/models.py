"""Tables of the voice library, and of the speech service the operator may set up."""

from __future__ import annotations

import datetime
import enum

from sqlalchemy import Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.database import (
    Base,
    BigIdType,
    Id,
    LongText,
    Name,
    Note,
    TenantOwned,
    Timestamps,
    reference,
    utc_now,
)


class VoiceState(enum.StrEnum):
    """Where a voice is in its review (CTI-V2)."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


class VoiceSource(enum.StrEnum):
    """How a voice came to be (CTI-V1, V4)."""

    UPLOAD = "upload"
    TEXT = "text"
    RECORDED = "recorded"
    PHONE = "phone"
    """Recorded by telephone."""


class Voice(TenantOwned, Timestamps, Base):
    """One recording: 8 kHz, 16-bit, mono, levelled, in the file store."""

    __tablename__ = "ivr_voice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        UniqueConstraint("tenant_id", "id"),
        reference("created_by", "account"),
        Index(None, "state", "id"),
    )

    id: Mapped[Id]
    name: Mapped[Name]
    state: Mapped[VoiceState] = mapped_column(default=VoiceState.PENDING)
    reason: Mapped[Note] = mapped_column(default="")
    """Why it was refused, in the operator's words."""
    source: Mapped[VoiceSource] = mapped_column(default=VoiceSource.UPLOAD)
    text: Mapped[LongText] = mapped_column(default="")
    """What a voice made from text says."""
    language: Mapped[str] = mapped_column(String(8), default="")
    """``zh`` or ``en`` for one made from text, else empty."""
    length_ms: Mapped[int]
    bytes: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the stored file, hexadecimal."""
    file_key: Mapped[str] = mapped_column(String(200))
    """Key in the file store; a new one whenever the sound changes."""
    peaks: Mapped[LongText] = mapped_column(default="[]", deferred=True)
    """JSON list of the waveform's heights, 0 to 1."""
    created_by: Mapped[int | None] = mapped_column(BigIdType)
    reviewed_by: Mapped[int | None] = mapped_column(BigIdType)
    """The operator's account; of another company, so no key binds it."""
    reviewed_at: Mapped[datetime.datetime | None]


class VoiceTake(TenantOwned, Base):
    """What became of a recording by telephone (CTI-V4) that was kept there: it comes into the library once."""

    __tablename__ = "ivr_voice_take"
    __table_args__ = (UniqueConstraint("take"),)

    id: Mapped[Id]
    take: Mapped[str] = mapped_column(String(36))
    """Id of `cti.takes.model.Take`."""
    voice_id: Mapped[int] = mapped_column(BigIdType, default=0)
    """The voice it became; that may be deleted since. 0: the library refused it."""
    refusal: Mapped[str] = mapped_column(String(64), default="")
    """Id of the error (`ivr.voices.errors`) it was refused with."""
    details: Mapped[LongText] = mapped_column(default="{}")
    """What that error's sentence names, as JSON."""
    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now)


class SpeechShape(enum.StrEnum):
    """How a speech service over HTTP is asked."""

    OPENAI = "openai"
    TEMPLATE = "template"


class SpeechService(Timestamps, Base):
    """The speech service over HTTP the operator set up (CTI-I17): the platform's, at most one row."""

    __tablename__ = "ivr_speech_service"

    id: Mapped[Id]
    enabled: Mapped[bool] = mapped_column(default=False)
    shape: Mapped[SpeechShape] = mapped_column(default=SpeechShape.OPENAI)
    url: Mapped[str] = mapped_column(String(500))
    key_encrypted: Mapped[str] = mapped_column(String(1000), default="")
    """By `core.crypto`."""
    model: Mapped[str] = mapped_column(String(100), default="")
    voice_zh: Mapped[str] = mapped_column(String(100), default="")
    voice_en: Mapped[str] = mapped_column(String(100), default="")
    method: Mapped[str] = mapped_column(String(8), default="POST")
    """``GET`` or ``POST``, of shape ``template``."""
    headers: Mapped[LongText] = mapped_column(default="")
    """Lines ``Name: value``, of shape ``template``."""
    body: Mapped[LongText] = mapped_column(default="")
    """Template of the request's body, of shape ``template``."""
    timeout_s: Mapped[int] = mapped_column(default=10)
