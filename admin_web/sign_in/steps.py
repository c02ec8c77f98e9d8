"""What a sign-in may still need after the password: the code, a password of one's own, the second factor set up."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from admin_web.requests import set_session_cookie
from admin_web.sign_in.pace import guarded
from admin_web.sign_in.qr import square_code
from admin_web.sign_in.way import go_on, next_of_request, not_here, step_done
from core import own_account, passwords, second_factor
from core.errors import CallerFault, ZongjiError
from core.second_factor import OfferOverError
from core.sessions import SignInUnfinishedError, Step
from core.throttle import TooOftenError
from core.views import Open, View, parts


class StepView(View):
    """A page for the holder of a sign-in that is at its step; anybody else is sent to where they belong."""

    access = Open.PUBLIC
    step: ClassVar[Step]
    template: ClassVar[str]

    def get(self) -> ResponseReturnValue:
        """Show the form."""
        unfinished = not_here(self.step)
        return self.page(unfinished) if isinstance(unfinished, SignInUnfinishedError) else unfinished

    def post(self) -> ResponseReturnValue:
        """Do the step; a refusal comes back to the form."""
        unfinished = not_here(self.step)
        if not isinstance(unfinished, SignInUnfinishedError):
            return unfinished
        try:
            return self.do(unfinished)
        except (CallerFault, TooOftenError) as error:
            return self.page(unfinished, error), error.status

    def do(self, unfinished: SignInUnfinishedError) -> ResponseReturnValue:
        """Carry out the step for the sign-in."""
        raise NotImplementedError

    def page(self, unfinished: SignInUnfinishedError, error: ZongjiError | None = None) -> str:
        """Return the form, with `error`."""
        return render_template(
            self.template,
            who=unfinished.principal,
            next=next_of_request(),
            error=error.text() if error else "",
            **self.values(unfinished),
        )

    def values(self, unfinished: SignInUnfinishedError) -> dict[str, Any]:
        """Return what the form needs besides."""
        return {}


class CodeStep(StepView):
    """The code of the second factor, or a recovery code."""

    step = Step.CODE
    template = "sign_in/code.html"

    def do(self, unfinished: SignInUnfinishedError) -> ResponseReturnValue:
        """Use the code up and let in."""
        made, principal = parts(), unfinished.principal
        with guarded():
            second_factor.prove(
                made.database,
                made.vault,
                principal.account_id,
                request.form.get("code", ""),
                principal.ip,
                signing_in=True,
            )
        return go_on(second_factor=True)


class NewPasswordStep(StepView):
    """A password in place of one somebody else chose."""

    step = Step.NEW_PASSWORD
    template = "sign_in/new_password.html"

    def do(self, unfinished: SignInUnfinishedError) -> ResponseReturnValue:
        """Keep it; other sessions of the account end."""
        new = request.form.get("new", "")
        own_account.require_repeated(new, request.form.get("again", ""))
        own_account.choose_password(parts().database, parts().sessions, unfinished.principal, new)
        return go_on()

    def values(self, unfinished: SignInUnfinishedError) -> dict[str, Any]:
        """Return the rule for the password."""
        who = unfinished.principal
        return {"rule": passwords.rule(login=who.login, company=who.tenant_code)}


class SetUpStep(StepView):
    """The second factor set up by an operator, who cannot do without."""

    step = Step.SET_UP
    template = "sign_in/set_up.html"

    def do(self, unfinished: SignInUnfinishedError) -> ResponseReturnValue:
        """Confirm the offered secret by a code and show the recovery codes, this once."""
        made, principal = parts(), unfinished.principal
        offer = second_factor.open_offer(made.vault, request.form.get("offer", ""), principal.account_id)
        with guarded():
            codes = second_factor.turn_on(
                made.database, made.vault, principal, offer, request.form.get("code", "")
            )
        token, goes_on = step_done(second_factor=True)
        response = make_response(render_template("sign_in/codes.html", codes=codes, goes_on=goes_on))
        set_session_cookie(response, token)
        return response

    def values(self, unfinished: SignInUnfinishedError) -> dict[str, Any]:
        """Return a fresh offer, or the one that was being confirmed."""
        who = unfinished.principal
        return offer_values(who.account_id, who.tenant_code, who.login)


def offer_values(account_id: int, company: str, login: str) -> dict[str, Any]:
    """Return what a page shows to set up the second factor; a form sent back keeps its secret while it is good."""
    vault = parts().vault
    try:
        offer = second_factor.open_offer(vault, request.form.get("offer", ""), account_id)
    except OfferOverError:
        offer = second_factor.make_offer(account_id)
    address = offer.address(company, login)
    return {
        "offer": second_factor.seal_offer(vault, offer),
        "secret": offer.grouped,
        "address": address,
        "square": square_code(address),
    }
