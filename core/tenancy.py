"""A session that knows whose data it may touch.

The scope is a tenant's id or, said out loud, :data:`ALL_TENANTS`. A query on tenant-owned rows gets the
tenant from the scope, wherever the rows appear in it (joins, subqueries, relationship loads); without a scope
it is refused, and so is writing a row of another tenant, or any statement whose reach cannot be seen (textual
SQL, Core tables, bulk updates).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Insert, Table, TextClause, Update, event, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, object_session, with_loader_criteria
from sqlalchemy.sql import visitors

from core.tables import TENANT_TABLES, TenantOwned, TenantRoot


class AllTenants(enum.Enum):
    """The type of :data:`ALL_TENANTS`."""

    ALL_TENANTS = "all tenants"


ALL_TENANTS: Final = AllTenants.ALL_TENANTS
"""The scope of work that is nobody's in particular: operators, publishing, clean-up."""

Scope = int | AllTenants


class ScopeError(Exception):
    """Code asked for tenant-owned rows outside its session's scope: a bug, never a user's fault."""


class TenantSession(Session):
    """A session with a scope, kept in ``info["tenant_id"]``, and with work to do after its commit.

    ``Session`` arguments plus `scope` (None: no tenant-owned rows at all) and `read_only` (a flush with
    changes raises).
    """

    def __init__(
        self, *args: Any, scope: Scope | None = None, read_only: bool = False, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._callbacks: list[Callable[[], object]] = []
        self.info["read_only"] = read_only
        if scope is not None:
            self.set_scope(scope)

    @property
    def scope(self) -> Scope | None:
        """The tenant's id, :data:`ALL_TENANTS`, or None."""
        return self.info.get("tenant_id")

    def set_scope(self, scope: Scope | None) -> None:
        """Set the scope. Raises :class:`ScopeError` while rows read under another scope are in the
        session.
        """
        if scope != self.scope and (self.identity_map or self.new):
            raise ScopeError("the scope cannot change while the session holds rows")
        self.info["tenant_id"] = scope

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call `callback` once after the next commit; a rollback forgets it. Live events, mail and publishing
        go here.
        """
        self._callbacks.append(callback)

    def commit(self) -> None:
        """Commit, then run what :meth:`after_commit` collected; the first error is raised after all have
        run.
        """
        super().commit()
        callbacks, self._callbacks = self._callbacks, []
        errors: list[Exception] = []
        for callback in callbacks:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the others must run; it is raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def rollback(self) -> None:
        """Roll back and forget what was to happen after the commit."""
        self._callbacks = []
        super().rollback()

    def close(self) -> None:
        """Close the session, rolling back what was not committed."""
        self._callbacks = []
        super().close()

    def bulk_save_objects(self, *args: Any, **options: Any) -> None:
        """Refused: it writes past the scope's checks; use ``execute(insert(...), rows)``."""
        raise ScopeError("bulk_save_objects writes past the session's scope")

    def bulk_insert_mappings(self, *args: Any, **options: Any) -> None:
        """Refused, as :meth:`bulk_save_objects`."""
        raise ScopeError("bulk_insert_mappings writes past the session's scope")

    def bulk_update_mappings(self, *args: Any, **options: Any) -> None:
        """Refused, as :meth:`bulk_save_objects`."""
        raise ScopeError("bulk_update_mappings writes past the session's scope")


def tenant_tables(statement: Any) -> Iterator[Table]:
    """Yield the tenant-owned tables `statement` names anywhere; a table may come several times."""
    for element in visitors.iterate(statement):
        if isinstance(element, Table) and element.name in TENANT_TABLES:
            yield element


@event.listens_for(TenantSession, "do_orm_execute")
def _apply_scope(state: ORMExecuteState) -> None:
    scope = state.session.info.get("tenant_id")
    statement = state.statement
    if not (state.is_select or state.is_column_load) and state.session.info.get("read_only"):
        raise ScopeError("a read-only session cannot write")
    if scope is ALL_TENANTS or state.is_column_load:
        return
    if isinstance(statement, TextClause):
        raise ScopeError("textual SQL needs a session with ALL_TENANTS")
    if scope is None:
        _refuse_unscoped(statement)
    elif state.is_insert:
        _check_insert(state, scope)
    elif not state.is_orm_statement:
        for table in tenant_tables(statement):
            raise ScopeError(f"a Core statement on {table.name} needs a session with ALL_TENANTS")
    else:
        if isinstance(statement, Update):
            _check_update(state)
        state.statement = statement.options(
            with_loader_criteria(
                TenantOwned,
                lambda cls: cls.tenant_id == scope,
                include_aliases=True,
                propagate_to_loaders=False,
            ),
            with_loader_criteria(
                TenantRoot, lambda cls: cls.id == scope, include_aliases=True, propagate_to_loaders=False
            ),
        )


def _refuse_unscoped(statement: Any) -> None:
    for table in tenant_tables(statement):
        raise ScopeError(f"{table.name} belongs to tenants; this session has no scope")


def _check_insert(state: ORMExecuteState, scope: int) -> None:
    statement = state.statement
    assert isinstance(statement, Insert)
    if statement.select is not None or not isinstance(statement.table, Table):
        raise ScopeError("INSERT ... SELECT needs a session with ALL_TENANTS")
    if statement.table.name not in TENANT_TABLES:
        return
    given = state.parameters
    rows = given if isinstance(given, list) else [given]
    if any(not isinstance(row, Mapping) or row.get("tenant_id") != scope for row in rows):
        raise ScopeError(f"every row inserted into {statement.table.name} must name the session's tenant")


def _check_update(state: ORMExecuteState) -> None:
    statement = state.statement
    assert isinstance(statement, Update)
    if isinstance(state.parameters, list):
        raise ScopeError("an update by primary keys in bulk needs a session with ALL_TENANTS")
    if isinstance(statement.table, Table) and statement.table.name in TENANT_TABLES:
        columns = {getattr(column, "key", column) for column in statement.compile().params}
        if "tenant_id" in columns:
            raise ScopeError("a row never moves to another tenant")


def _scope_of(target: object) -> tuple[Session | None, Scope | None]:
    session = object_session(target)
    return session, None if session is None else session.info.get("tenant_id")


def _before_insert(mapper: Mapper[Any], connection: Any, target: Any) -> None:
    session, scope = _scope_of(target)
    if not isinstance(session, TenantSession):
        return
    if isinstance(target, TenantRoot):
        if scope is not ALL_TENANTS:
            raise ScopeError("a tenant is opened by a session with ALL_TENANTS")
    elif target.tenant_id is None and isinstance(scope, int):
        target.tenant_id = scope
    else:
        _check_owner(target, scope)


def _before_change(mapper: Mapper[Any], connection: Any, target: Any) -> None:
    session, scope = _scope_of(target)
    if not isinstance(session, TenantSession):
        return
    if isinstance(target, TenantOwned) and inspect(target).attrs.tenant_id.history.has_changes():
        raise ScopeError("a row never moves to another tenant")
    _check_owner(target, scope)


def _check_owner(target: Any, scope: Scope | None) -> None:
    owner = target.id if isinstance(target, TenantRoot) else target.tenant_id
    if scope is not ALL_TENANTS and owner != scope:
        raise ScopeError(f"a {type(target).__name__} of tenant {owner} in a session of {scope}")


@event.listens_for(TenantSession, "before_flush")
def _refuse_read_only(session: Session, context: Any, instances: Any) -> None:
    if session.info.get("read_only") and (session.new or session.deleted or _changed(session)):
        raise ScopeError("a read-only session cannot write")


def _changed(session: Session) -> bool:
    return any(session.is_modified(instance) for instance in session.dirty)


for _owned in (TenantOwned, TenantRoot):
    event.listen(_owned, "before_insert", _before_insert, propagate=True)
    event.listen(_owned, "before_update", _before_change, propagate=True)
    event.listen(_owned, "before_delete", _before_change, propagate=True)
