"""The door for Litestar applications.

    privacy = Privacy(troth, Host(audience=…, language=…, url=…, render=…))
    app = Litestar([*handlers, *route_handlers(privacy)], after_request=privacy.after_request,
                   exception_handlers=privacy.exception_handlers)

``TEMPLATES`` and ``LOCALE`` are the folders of our templates and translations; the host adds them
to its own. The templates extend the host's ``base.html``.
"""

from troth.web.origin import same_origin
from troth.web.pages import LOCALE, TEMPLATES, route_handlers
from troth.web.privacy import Audience, Host, Offer, Privacy, here_of
from troth.web.problems import ConsentRequired, ForeignForm, problem

__all__ = [
    "LOCALE",
    "TEMPLATES",
    "Audience",
    "ConsentRequired",
    "ForeignForm",
    "Host",
    "Offer",
    "Privacy",
    "here_of",
    "problem",
    "route_handlers",
    "same_origin",
]
