"""The web's session is scoped to who asks and takes no write lock for reading."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from core.database import Database, Scope, ScopeError
from core.flask_db import FlaskDatabase
from crm.models import Customer
from tests.support.database import open_two_tenants


class Site:
    """A small application on `database`; `scope` is who is signed in."""

    def __init__(self, database: Database) -> None:
        self.scope: Scope | None = None
        self.db = FlaskDatabase(database, lambda: self.scope)
        app = Flask(__name__)
        app.testing = True
        self.db.init_app(app)
        app.add_url_rule("/", view_func=self.show, methods=["GET"])
        app.add_url_rule("/", view_func=self.add, methods=["POST"], endpoint="add")
        app.add_url_rule("/forgets", view_func=self.forget, methods=["POST"])
        app.add_url_rule("/writes", view_func=self.add, methods=["GET"], endpoint="writes")
        self.client: FlaskClient = app.test_client()

    def show(self) -> str:
        return ",".join(self.db.session.scalars(select(Customer.name).order_by(Customer.name)))

    def add(self) -> str:
        self.db.session.add(Customer(name="added", phone="+861"))
        self.db.session.commit()
        return "added"

    def forget(self) -> str:
        self.db.session.add(Customer(name="forgotten", phone="+862"))
        self.db.session.flush()
        return "flushed"


@pytest.fixture
def site(each_database: Database) -> Site:
    return Site(each_database)


def test_each_request_sees_its_own_tenant(each_database: Database, site: Site) -> None:
    site.scope, other = open_two_tenants(each_database)
    assert site.client.post("/").text == "added"
    assert site.client.get("/").text == "added"
    site.scope = other
    assert site.client.get("/").text == ""


def test_before_sign_in_no_tenants_rows_are_read(site: Site) -> None:
    with pytest.raises(ScopeError):
        site.client.get("/")


def test_what_is_not_committed_is_gone_with_the_request(each_database: Database, site: Site) -> None:
    site.scope, _ = open_two_tenants(each_database)
    assert site.client.post("/forgets").text == "flushed"
    assert site.client.get("/").text == ""


def test_a_get_cannot_write_and_waits_for_no_writer(each_database: Database, site: Site) -> None:
    site.scope, _ = open_two_tenants(each_database)
    with pytest.raises(ScopeError):
        site.client.get("/writes")
    with each_database.transaction(site.scope) as session:
        session.add(Customer(name="being written", phone="+863"))
        session.flush()
        assert site.client.get("/").text == ""
        session.commit()
    assert site.client.get("/").text == "being written"
