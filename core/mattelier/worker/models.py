"""The job "models": what there is, and at the user's wish one fetched or removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mattelier.types.errors import ModelError, UsageError

if TYPE_CHECKING:
    from mattelier.catalogue import Store

_ACTIONS = ("list", "get", "remove")


def models(store: Store, options: Any) -> dict[str, Any]:
    """The models after what was asked for, as `mattelier models list --json` tells them.

    Parameters
    ----------
    options : {"action": "list", "get" or "remove", "name": str, "accept_licence": bool}
        A name where something is done to one; of a licence that wants it, that it was accepted.

    Raises
    ------
    UsageError, ModelError
        As the store refuses.
    """
    from mattelier.catalogue.card_text import summary

    if not isinstance(options, dict) or not options.keys() <= {"action", "name", "accept_licence"}:
        raise UsageError("The models are asked for with an action, a name and accept_licence.")
    action = options.get("action", "list")
    if action not in _ACTIONS:
        raise UsageError(
            "With models one can {actions}, not {action}.",
            actions=", ".join(_ACTIONS),
            action=repr(action),
        )
    if action != "list":
        name = str(options.get("name", ""))
        if name not in store.names():  # a path is a card's affair on the command line only
            raise UsageError("There is no model {name}.", name=repr(name))
        if action == "get":
            store.get(name, accept_licence=options.get("accept_licence") is True)
        else:
            store.remove(name)
    listed = []
    for name in store.names():
        try:
            card = store.card(name)
        except ModelError as error:
            listed.append({"name": name, "title": str(error), "state": "damaged"})
            continue
        if card.cloud is not None:  # hosts send nothing away
            continue
        listed.append(
            summary(card, store.state(card)[0])
            | {"source": card.source, "comes_along": store.comes_along(card)}
        )
    return {"models": listed}
