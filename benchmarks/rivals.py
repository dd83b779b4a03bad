"""Two policy engines on the same cases: Cedar (by cedarpy) and Casbin (by pycasbin).

They hold no consent: whoever uses them reads the state and the version from somewhere and hands
them in. Here that is done for them before the clock starts, from memory, as attributes; only their
own call is timed. They answer yes or no, without clause, reason or evidence, and know nothing of a
ledger that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import casbin
import cedarpy
from casbin.persist.adapters import StringAdapter

from benchmarks.oracle import Said
from benchmarks.world import World

Engine = Callable[[Any], bool]
_VALID = ("consent_given", "renewed_consent_given", "act_recorded")

_CEDAR = f"""
permit (principal, action == Action::"serve", resource) when {{
  context.known
  && [{", ".join(f'"{state}"' for state in _VALID)}].contains(context.state)
  && (!context.restricted || context.under_restriction)
  && (!context.under_14 || context.guarded)
  && (!(context has until) || context.until > context.now)
  && context.version >= context.required
}};
"""

_CASBIN_MODEL = f"""
[request_definition]
r = act, facts
[policy_definition]
p = act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && r.facts.known \
&& ({" || ".join(f'r.facts.state == "{state}"' for state in _VALID)}) \
&& (!r.facts.restricted || r.facts.under_restriction) \
&& (!r.facts.under_14 || r.facts.guarded) \
&& (r.facts.until == 0 || r.facts.until > r.facts.now) && r.facts.version >= r.facts.required
"""


def facts(
    case: tuple[str, str], purposes: Mapping[str, Any], required: Mapping[str, int], world: World
) -> dict[str, Any]:
    """Return what a host would look up before it asks an engine about one case."""
    person, purpose = case
    terms, about = purposes.get(purpose), world.people[person]
    story = world.stories.get(case, ())
    last = story[-1] if story else Said("", "", 0, None)
    return {
        "known": terms is not None,
        "state": last.state,
        "restricted": about.restricted,
        "under_restriction": bool(terms and terms["under_restriction"]),
        "under_14": about.under_14,
        "guarded": about.guarded,
        "version": last.version,
        "required": required.get(purpose, 1),
        "now": world.now,
        "until": last.until or 0,
    }


def cedar() -> tuple[Callable[[Mapping[str, Any]], Any], Engine]:
    """Return what makes a request of facts, and Cedar's answer to a request."""
    policies = cedarpy.PolicySet.from_str(_CEDAR)
    nobody = cedarpy.Entities.from_json_str("[]")

    def request(of: Mapping[str, Any]) -> dict[str, Any]:
        context = {k: v for k, v in of.items() if k != "until" or v}
        return {
            "principal": 'Person::"one"',
            "action": 'Action::"serve"',
            "resource": 'Purpose::"one"',
            "context": context,
        }

    def answer(asked: Any) -> bool:
        return cedarpy.is_authorized(asked, policies, nobody).allowed

    return request, answer


def pycasbin() -> tuple[Callable[[Mapping[str, Any]], Any], Engine]:
    """Return what makes a request of facts, and Casbin's answer to a request."""
    model = casbin.Model()
    model.load_model_from_text(_CASBIN_MODEL)
    enforcer = casbin.Enforcer(model, StringAdapter("p, serve"))

    def request(of: Mapping[str, Any]) -> SimpleNamespace:
        return SimpleNamespace(**of)

    def answer(asked: Any) -> bool:
        return bool(enforcer.enforce("serve", asked))

    return request, answer
