"""What all tables share: the declarative base, column types and mixins.

Tables look alike on SQLite and MariaDB: text compares by code point and without padding on both, ids are
never used twice, times are UTC with microseconds, and constraints have predictable names so that migrations
can drop them.
"""

from __future__ import annotations

import datetime
import enum
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

MARIADB_OPTIONS = {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_nopad_bin"}
"""Table options on MariaDB; the collation compares as SQLite does: by code point, trailing spaces count."""


TENANT_TABLES: set[str] = set()
"""Names of the tables whose rows belong to tenants; filled as the classes are made."""


def utc_now() -> datetime.datetime:
    """Return the present instant, aware, in UTC."""
    return datetime.datetime.now(datetime.UTC)


FIRST_INSTANT = datetime.datetime(datetime.MINYEAR, 1, 1)  # noqa: DTZ001 - as stored: UTC without its zone
LAST_INSTANT = datetime.datetime(datetime.MAXYEAR, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001


class UtcDateTime(TypeDecorator[datetime.datetime]):
    """An instant. Python sees aware UTC values only; the database stores UTC with microseconds.

    A naive value is refused with ``ValueError`` (as the cause of SQLAlchemy's ``StatementError``).
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return ``DATETIME(6)`` on MariaDB."""
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """Return `value` in UTC without its zone; one beyond the first or last instant of UTC becomes that one (a day
        somebody typed, in their zone). Raises ``ValueError`` when it has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give an aware time")
        try:
            return value.astimezone(datetime.UTC).replace(tzinfo=None)
        except OverflowError:
            return LAST_INSTANT if value.year == datetime.MAXYEAR else FIRST_INSTANT

    def process_result_value(
        self, value: datetime.datetime | None, dialect: Dialect
    ) -> datetime.datetime | None:
        """Return the stored instant, aware."""
        return None if value is None else value.replace(tzinfo=datetime.UTC)


class Base(DeclarativeBase):
    """Declarative base of every table of every folder."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {
        datetime.datetime: UtcDateTime(),
        enum.Enum: Enum(
            enum.Enum,
            native_enum=False,
            create_constraint=False,
            length=32,
            validate_strings=True,
            values_callable=lambda members: [member.value for member in members],
        ),
    }

    @classmethod
    def __table_cls__(cls, name: str, metadata: MetaData, *args: Any, **options: Any) -> Table:
        """Make the table with the options all tables have."""
        for option, value in MARIADB_OPTIONS.items():
            options.setdefault(f"mysql_{option}", value)
        options.setdefault("sqlite_autoincrement", True)
        table = Table(name, metadata, *args, **options)
        if issubclass(cls, (TenantOwned, TenantRoot)):
            TENANT_TABLES.add(name)
        return table


BigIdType: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")

Id = Annotated[int, mapped_column(BigIdType, primary_key=True, autoincrement=True, sort_order=-2)]
"""A table's own primary key."""

BigId = Annotated[int, mapped_column(BigIdType)]
"""A column that holds another table's `Id`; the foreign key is declared beside it."""

Name = Annotated[str, mapped_column(String(100))]
Code = Annotated[str, mapped_column(String(64))]
Phone = Annotated[str, mapped_column(String(32))]
"""A number as `core.phone` stores it: E.164 or a short number."""
Note = Annotated[str, mapped_column(String(500))]
LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
LongText = Annotated[str, mapped_column(LONG_TEXT)]
"""Text of up to 16 MB."""
Money = Annotated[int, mapped_column(BigInteger())]
"""An amount in ten-thousandths of the currency's main unit (0.0001 yuan), a whole number."""


class TenantRoot:
    """Marks the tenant's own table: a session scoped to a tenant sees the row with that id only."""

    id: Mapped[int] = mapped_column(BigIdType, primary_key=True, autoincrement=True, sort_order=-2)


class TenantOwned:
    """Mixin of every table whose rows belong to one tenant.

    `core.tenancy` adds the tenant to each query and refuses to write another tenant's rows. A table that
    others refer to has ``UniqueConstraint("tenant_id", "id")``, and references carry the tenant
    (:func:`reference`), so that the database too refuses a reference across tenants.
    """

    @declared_attr
    def tenant_id(cls) -> Mapped[int]:  # noqa: N805 - declared_attr hands in the class
        """The owner; filled in from the session's scope when it is not set."""
        return mapped_column(BigIdType, ForeignKey("tenant.id"), nullable=False, sort_order=-1)


def reference(column: str, target: str, *, on_delete: str | None = None) -> ForeignKeyConstraint:
    """Return a foreign key from `column` to the tenant-owned table `target` that also binds the tenant.

    `on_delete` is ``CASCADE`` or None (deleting what is referred to is refused).
    """
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], ondelete=on_delete
    )


class Timestamps:
    """Mixin: when a row was made and last changed."""

    created_at: Mapped[datetime.datetime] = mapped_column(default=utc_now, sort_order=1)
    updated_at: Mapped[datetime.datetime] = mapped_column(default=utc_now, onupdate=utc_now, sort_order=1)
