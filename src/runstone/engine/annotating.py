"""Says something of a sealed run afterwards: as a sealed run of its own that amends it. The target is not touched."""

from __future__ import annotations

from contextlib import closing

from runstone.core.card import CardMaker, amends, place_of
from runstone.core.events import ANNOTATION, check_labels
from runstone.core.query import Match, Pattern, Query
from runstone.core.words import AMENDS
from runstone.engine.facts import metric_number, named, text_of
from runstone.engine.finder import asking
from runstone.errors import NotFound, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from runstone.core.card import Card
    from runstone.core.digests import Digest
    from runstone.engine.finder import Finder
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

MAX_ALIAS_CHARACTERS: Final = 64
MAX_INTEGER: Final = 2**53 - 1
RESERVED: Final = frozenset({"latest"})
_ALIAS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def annotate(
    store: Store,
    target: Sealed,
    labels: Mapping[str, Any],
    note: str | None,
    scores: Mapping[str, Any],
    name: str | None,
    aliases: Mapping[str, bool],
    by: str | None,
    override: Mapping[str, str] | None = None,
) -> Sealed:
    """Record one annotation of `target`; answers the sealed annotation. Raises as `Store.annotate`."""
    data = _event(store, labels, name, aliases, by)
    if override is not None:
        data["override"] = dict(override)
    if not (data["labels"] or data["aliases"] or "name" in data or "override" in data or note or scores):
        raise error("invalid_option", "there is nothing to say of the run: give a label, note, score or name")
    values = {key: _number(key, value) for key, value in _mapping(scores, "scores").items()}
    link = {"rel": AMENDS, "run_id": target.run_id, "digest": target.digest}
    with store.run(ANNOTATION, links=[link], strict=True) as run:
        if not run.recording:
            raise error("store_unavailable", "recording is switched off by RUNSTONE_DISABLED", store=store.url)
        run.writer.record(ANNOTATION, data, [])
        for key, value in values.items():
            run.event("score", {"name": key, "value": value})
        if note:
            run.note(note)
    return run.store.get(run.run_id)


def _event(
    store: Store, labels: Mapping[str, Any], name: str | None, aliases: Mapping[str, bool], by: str | None
) -> dict[str, Any]:
    given = _mapping(labels, "labels")
    checked = check_labels({key: "" if value is None else text_of(value) for key, value in given.items()})
    data: dict[str, Any] = {
        "labels": {key: None if given[key] is None else text for key, text in checked.items()},
        "aliases": {check_alias(alias, store): given_now for alias, given_now in aliases.items()},
        "by": store.host.user() if by is None else text_of(by),
    }
    if name is not None:
        data["name"] = text_of(name) or None
    return data


def _mapping(value: Any, option: str) -> dict[str, Any]:
    try:
        return {name: item for name, (item, _) in named(dict(value)).items()}
    except (TypeError, ValueError):
        found = type(value).__name__
        raise error("invalid_option", f"{option} are a mapping; found {found}", option=option) from None


def _number(name: Any, value: Any) -> Any:
    if type(value) is int and -MAX_INTEGER <= value <= MAX_INTEGER:
        return value
    number = metric_number(value)
    said = str(value).strip().lower().lstrip("+-")
    if isinstance(value, (bool, str)) or (number == "NaN" and said != "nan"):
        raise error(
            "invalid_option",
            f"score {excerpt(text_of(name))!r} is no number: {excerpt(text_of(value), 40)!r}",
            option="scores",
        )
    return number


def check_alias(alias: Any, store: Store) -> str:
    """`alias`, if it can be one; raises `invalid_option`."""
    good = isinstance(alias, str) and 0 < len(alias) <= MAX_ALIAS_CHARACTERS and _ALIAS.issuperset(alias)
    if not good or not alias[0].isalnum() or alias in RESERVED or store.redactor().text(alias)[1]:
        rule = (
            f"an alias is 1 to {MAX_ALIAS_CHARACTERS} letters, digits, dots, dashes and underscores, the first a "
            "letter or digit; not `latest`, and no secret"
        )
        raise error("invalid_option", f"{rule}; found {excerpt(str(alias))!r}", option="alias")
    return str(alias)


def aliased(finder: Finder, alias: str) -> str | None:
    """The id of the run that an alias names now, if one does."""
    return next((str(card["run_id"]) for card in finder.cards(asking("alias", alias))), None)


def history(finder: Finder, run_id: str, digest: Digest | None) -> list[dict[str, Any]]:
    """What was said of a run since it was sealed, the oldest first; with a digest only of the run that has it."""
    run = {"run_id": run_id, "digest": digest}
    annotations = finder.cards(asking("link.amends", run_id))
    return [_told(card) for card in sorted(annotations, key=place_of) if amends(card, run)]


def proved_history(store: Store, sealed: Sealed) -> list[dict[str, Any]]:
    """As `Store.annotations`, each of them proved: for who acts on what was said.

    Raises `bundle_damaged`, also where an annotation is so damaged that it is not found any more, as long as its
    manifest or its first line names the run.
    """
    from runstone.engine.damage import prove
    from runstone.engine.lost import member, prove_lost

    told = []
    for one in store.annotations(sealed):
        try:
            bundle = store.objects.open(one["run_id"])
        except NotFound:  # purged at this moment
            continue
        with closing(bundle):
            prove(bundle, store.contract_of)
        told.append(one)
    prove_lost(store, [member("kind", ANNOTATION), member("run_id", sealed.run_id)])
    return told


def told_by(annotation: Sealed) -> dict[str, Any]:
    """What one annotation says, in the form of `Store.annotations`. Raises `bundle_damaged`."""
    maker = CardMaker()
    for event in annotation.events():
        maker.add(event)
    return _told(maker.sealed(annotation.manifest, annotation.digest))


def _told(card: Card) -> dict[str, Any]:
    given = card["annotation"]
    return {
        "run_id": card["run_id"],
        "at": card["opened_at"],
        "by": given.get("by"),
        "labels": given["labels"],
        "scores": card["scores"],
        "notes": given["notes"],
        "aliases": given["aliases"],
        **{key: given[key] for key in ("name", "override") if key in given},
    }


def digest_of_run(finder: Finder, run_id: str) -> Digest | None:
    """The digest of the run that has an id; `None` where it cannot be read."""
    return next((card["digest"] for card in finder.cards(asking("id", run_id))), None)


def all_aliases(finder: Finder) -> dict[str, str]:
    """Alias → id of the run that it names, in the order of the aliases."""
    query = Query([Match("alias", (Pattern(("", "")),), negated=False)], any_kind=True)
    return dict(sorted((alias, card["run_id"]) for card in finder.cards(query) for alias in card["aliases"]))
