"""Answers that are not quite as their API promises: the good items of a list stay, the others are counted and named.

One mechanism for every provider. An item is the unit: what is damaged in it is taken for absent only where its field
may be absent, and is null or ``Spared`` (nothing is decided by it); else the item is left out: a made-up value lies.
A list's items are decoded one by one, where they come undecoded (``Items``), or once the whole did not decode.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

import msgspec

from oncall_tui.domain.reading import PartialFailure, SourceState
from oncall_tui.errors import Malformed
from oncall_tui.runtime.decoding import convert, decoder, plain
from oncall_tui.runtime.secret import redact

T = TypeVar("T")

# Whatever a decoder raises over bytes from outside: no JSON, another type, no UTF-8, nested too deep.
UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)


# Seconds since the epoch that a calendar has: what is before 1970 or after 9999 is no time.
LAST_S = 253_402_214_400.0
Epoch = Annotated[float, msgspec.Meta(ge=0.0, lt=LAST_S)]


class _Mark:
    """A mark on a field's type."""


SPARED = _Mark()
Spared = Annotated[T, SPARED]  # the field decides nothing: damaged, it is left out, and a list or a map loses that item

if TYPE_CHECKING:

    class Items(list[msgspec.Raw], Generic[T]):
        """A list of T whose items are not decoded yet: ``items`` and ``DecodeCache`` do that one by one."""

else:

    class Items:
        """A list of undecoded items; of which type is kept for whoever asks."""

        def __class_getitem__(cls, of: Any) -> Any:
            return Annotated[list[msgspec.Raw], ItemOf(of)]


class ItemOf:
    """The type of undecoded items."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ItemOf) and other.of == self.of

    def __hash__(self) -> int:
        return hash(self.of)


class DamagedItem(Exception):
    """An item cannot be read: which field, and the item's id where it tells one, in words."""


class Damage:
    """The damage of one list as it was read: how many items were *lost* of the *total*, and which, in words."""

    NAMED = 3

    def __init__(self) -> None:
        self.lost = 0
        self.total = 0
        self._words: dict[str, None] = {}  # of what was lost
        self._spared: dict[str, None] = {}  # of fields that were left out

    def __bool__(self) -> bool:
        return bool(self.lost or self._spared)

    def lose(self, why: str) -> None:
        """Note an item that is left out."""
        self.lost += 1
        self._words[why] = None

    def raise_if_all(self, host: str, what: str) -> None:
        """Raise Malformed where items came and none of them is usable."""
        if self.lost and self.lost == self.total:
            raise Malformed(f"{host} sent {self.lost} {what} that do not match its API: {self.words()}")

    def spare(self, notes: Iterable[str]) -> None:
        """Note fields that an item is shown without."""
        self._spared.update(dict.fromkeys(notes))

    def add(self, other: Damage) -> None:
        """Take in the damage of another page of the list."""
        self.lost += other.lost
        self.total += other.total
        self._words.update(other._words)
        self._spared.update(other._spared)

    def words(self) -> str:
        """``created_at of PX1: expected str, got null``, of the first few."""
        said = list(self._words or self._spared)
        more = f" (+{len(said) - self.NAMED} more)" if len(said) > self.NAMED else ""
        return "; ".join(said[: self.NAMED]) + more

    def said(self, what: str, whose: str) -> str:
        """``1 of 3 log entries are not as PagerDuty promises: …``, of a list that is no reading's; empty: none is lost.

        Of what is shown beside the good items, by whoever shows them.
        """
        if not self.lost:
            return ""
        are = "is" if self.lost == self.total == 1 else "are"
        return f"{self.lost} of {self.total} {what} {are} not as {whose} promises: {self.words()}"

    def problems(self, what: str) -> list[PartialFailure]:
        """Return the partial failure of a reading's *what* (``incidents``); none where there is no damage."""
        if self.lost:
            scope, kept = f"{self.lost} of {self.total} {what}", "not as the API promises"
        elif self._spared:
            scope, kept = what, "read without what is not as the API promises"
        else:
            return []
        return [PartialFailure(SourceState.MALFORMED, scope, f"{kept}: {self.words()}")]


# --- one answer, one item ---------------------------------------------------------------------------------------------


def decode(
    raw: bytes | bytearray | msgspec.Raw, into: type[T], damage: Damage | None = None, *, strict: bool = True
) -> T:
    """One whole answer. Raises one of UNDECODABLE, to be worded by ``what_came``.

    With *damage*, what is wrong with an item of one of its lists is noted there, and the item left out. Without it one
    bad item is an error: of what decides an action.
    """
    try:
        return decoder(into, strict=strict).decode(raw)
    except UnicodeDecodeError:
        return decode(readable(bytes(raw)), into, damage, strict=strict)
    except msgspec.ValidationError as error:
        value = plain(bytes(raw))
        notes: list[str] = []
        fixed = _Mend(strict, notes).whole(value, into, damage)
        if fixed is value:
            raise error
        found = convert(fixed, into, strict=strict)
        if damage is not None:
            damage.spare(notes)
        return found


def items(raws: Items[T], into: type[T], damage: Damage) -> list[T]:
    """Each item decoded on its own. The bad ones are left out, and noted in *damage*."""
    good: list[T] = []
    for raw in raws:
        damage.total += 1
        try:
            item, notes = decode_item(raw, into)
        except DamagedItem as error:
            damage.lose(str(error))
        else:
            damage.spare(notes)
            good.append(item)
    return good


def converted(values: Iterable[Any], into: type[T], damage: Damage | None) -> list[tuple[Any, T]]:
    """Each of *values*, plain data, with what it is as *into*; the bad ones are left out, and noted in *damage*.

    Without *damage*, raises msgspec.ValidationError for one that is bad.
    """
    good = []
    for value in values:
        notes: list[str] = []
        try:
            found = convert(_Mend(False, notes).item(value, into), into, strict=False)
        except UNDECODABLE as error:
            if damage is None:
                raise
            of = f" of {named(value)}" if named(value) else ""
            damage.lose(_reason(error, of))
        else:
            good.append((value, found))
    if damage is not None:
        damage.total = max(damage.total, len(good) + damage.lost)
    return good


def usable(raws: Items[T], into: type[T]) -> list[T]:
    """Do as ``items``, where nobody is told what was left out: of what is looked up, never of a list that is shown."""
    return items(raws, into, Damage())


def listing(raws: Iterable[msgspec.Raw]) -> Items[Any]:
    """*raws* of several pages, or without repeated ones, as a list."""
    found: Items[Any] = list(raws)  # type: ignore[assignment]
    return found


def decode_item(raw: msgspec.Raw, into: type[T]) -> tuple[T, tuple[str, ...]]:
    """One item, and which of its fields were left out, in words. Raises DamagedItem."""
    try:
        return decoder(into).decode(raw), ()
    except UNDECODABLE as error:
        first: Exception = error
    notes: list[str] = []
    try:
        value = plain(readable(bytes(raw)))
    except UNDECODABLE as error:
        raise DamagedItem(_reason(error)) from None
    of = f" of {named(value)}" if named(value) else ""
    try:
        found = convert(_Mend(True, notes).item(value, into), into)
    except UNDECODABLE:
        raise DamagedItem(_reason(first, of)) from None
    return found, tuple(_placed(note, of) for note in notes)


def lost(raw: msgspec.Raw, error: Exception) -> str:
    """The damage of an item that decodes, but of which nothing can be made, in words."""
    try:
        told = named(plain(readable(bytes(raw))))
    except UNDECODABLE:
        told = ""
    return f"{error} (of {told})" if told else str(error)


def readable(body: bytes) -> bytes:
    """*body* with what is no UTF-8 in it replaced: a byte in a title must not hide what it stands in."""
    return body.decode("utf-8", "replace").encode()


def named(value: Any) -> str:
    """An item's own id, fit for a message; empty where it tells none."""
    if not isinstance(value, dict):
        return ""
    for key, told in value.items():
        if _ID.search(str(key)) and isinstance(told, str | int) and not isinstance(told, bool) and told != "":
            text = redact(str(told))
            return "".join(c if c.isprintable() else " " for c in text)[-60:]
    return ""


_ID = re.compile(r"^(id|fingerprint|name|eventId)$|(?<!^)Arn$|^arn$|[a-z]Name$|_id$")


class _Mend:
    """Leaves out of plain data what may be left out, so that the rest decodes. *notes* tell of which fields."""

    def __init__(self, strict: bool, notes: list[str]) -> None:
        self._strict, self._notes = strict, notes

    def whole(self, value: Any, into: Any, damage: Damage | None) -> Any:
        """An answer: with *damage* its own lists lose their bad items."""
        base = _bare(into)
        if not isinstance(value, dict) or not _is_struct(base):
            return value
        fixed = dict(value)
        for field in msgspec.structs.fields(base):
            key = field.encode_name
            told = fixed.get(key)
            if damage is not None and isinstance(told, list) and (of := _element(field.type)) is not None:
                fixed[key] = self._listed(told, of, damage, key)
        return self.item(fixed, base)

    def _listed(self, told: list[Any], of: Any, damage: Damage, key: str) -> list[Any]:
        good = []
        for one in told:
            fixed = self._fitting(one, of, key)
            if why := self._misfit(fixed, of):
                where = named(one)
                damage.lose(_placed(why, f" of {where}" if where else f" in {key}"))
            else:
                good.append(fixed)
        damage.total += len(told)
        return good

    def item(self, value: Any, into: Any, path: str = "") -> Any:
        """A struct: what is null or spared in it is left out where that is what is wrong."""
        base = _bare(into)
        if not isinstance(value, dict) or not _is_struct(base):
            return value
        fixed = dict(value)
        for field in msgspec.structs.fields(base):
            key = field.encode_name
            if key not in fixed or not self._misfit(fixed[key], field.type):
                continue
            here = f"{path}.{key}" if path else key
            fixed[key] = self._fitting(fixed[key], field.type, here)
            why = self._misfit(fixed[key], field.type)
            if not why or field.required:
                continue
            if fixed[key] is None or _spared(field.type):
                if fixed[key] is not None:
                    self._notes.append(f"{here}: {why}")
                del fixed[key]
        return fixed

    def _fitting(self, value: Any, of: Any, path: str) -> Any:
        base = _bare(of)
        if _is_struct(base):
            return self.item(value, base, path)
        element = _element(base)
        if element is None:
            return value
        if isinstance(value, list):
            return [one for _, one in self._fit_each(enumerate(value), element, path, _spared(of))]
        if isinstance(value, dict):
            return dict(self._fit_each(value.items(), element, path, _spared(of)))
        return value

    def _fit_each(
        self, pairs: Iterable[tuple[Any, Any]], element: Any, path: str, spared: bool
    ) -> Iterator[tuple[Any, Any]]:
        for key, one in pairs:
            fixed = self._fitting(one, element, path)
            if spared and (why := self._misfit(fixed, element)):
                self._notes.append(f"{path}: {why}")
                continue
            yield key, fixed

    def _misfit(self, value: Any, of: Any) -> str:
        """Say why *value* is not of the type *of*; empty: it is."""
        try:
            convert(value, of, strict=self._strict)
        except UNDECODABLE as error:
            return _reason(error)
        return ""


def _bare(of: Any) -> Any:
    """The type without marks, and without None beside it."""
    while get_origin(of) is Annotated:
        of = get_args(of)[0]
    if get_origin(of) in (Union, types.UnionType):
        rest = [_bare(one) for one in get_args(of) if one is not type(None)]
        return rest[0] if len(rest) == 1 else of
    return of


def _spared(of: Any) -> bool:
    return get_origin(of) is Annotated and SPARED in get_args(of)[1:]


def _is_struct(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, msgspec.Struct)


def _element(of: Any) -> Any:
    """The type of the items of a list or a tuple, or of a map's values; None: it is neither."""
    base = _bare(of)
    origin, args = get_origin(base), get_args(base)
    if origin in (list, tuple):
        return args[0]
    return args[1] if origin is dict else None


# --- words ------------------------------------------------------------------------------------------------------------

_AT = re.compile(r" - at `(?:key in )?\$?\.?([^`]*)`$")
_EXPECTED = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")
_JSON = {"array": "a list", "object": "an object", "str": "a text", "int": "a number", "float": "a number"}
_JSON |= {"bool": "true or false", "null": "null"}
_SYNTAX = ("malformed", "truncated", "trailing", "invalid")


def _reason(error: Exception, of: str = "") -> str:
    """``created_at of PX1: expected str, got null``: names the field, never a value."""
    if isinstance(error, RecursionError):
        return f"nested too deep{of}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8{of}"
    text = str(error).replace("`", "") if isinstance(error, msgspec.MsgspecError) else str(error)
    found = _AT.search(str(error))
    said = _AT.sub("", str(error)).replace("`", "")
    if missing := _MISSING.search(str(error)):
        name = f"{found[1]}.{missing[1]}" if found and found[1] else missing[1]
        return f"{name}{of}: missing"
    said = _plainly(said if found else text)
    return f"{found[1]}{of}: {said}" if found and found[1] else f"{of.removeprefix(' of ')}: {said}" if of else said


def _plainly(said: str) -> str:
    """``expected a text, got a number``: the words of JSON for those of a programming language."""
    if said.startswith("Expected "):
        said = re.sub(r"\w+", lambda word: _JSON.get(word[0], word[0]), said).replace(" | ", " or ")
    return said[:1].lower() + said[1:]


def _placed(note: str, of: str) -> str:
    """``title: expected str`` of an item: ``title of PX1: expected str``."""
    field, colon, why = note.partition(": ")
    return f"{field}{of}{colon}{why}" if colon and not of.startswith(" in ") else f"{note}{of}"


def what_came(body: bytes | bytearray, error: Exception) -> str:
    """*body*, which could not be decoded, in words: ``an empty body``, ``null where the list incidents should be``."""
    if not body.strip():
        return "an empty body"
    if body.lstrip()[:1] == b"<":
        return "a web page"
    said = str(error)
    if isinstance(error, RecursionError | UnicodeDecodeError):
        return _reason(error)
    if not isinstance(error, msgspec.ValidationError):
        return "JSON that is cut off" if "truncated" in said else "no JSON"
    found, at = _EXPECTED.search(said), _AT.search(said)
    if found and (at is None or not re.search(r"[.\[]", at[1])):
        name = f" {at[1]}" if at and at[1] else ""
        wanted = _JSON.get(found[1], found[1])
        wanted = (f"the list{name}" if found[1] == "array" else f"{wanted} ({name.strip()})") if name else wanted
        return f"{_JSON.get(found[2], found[2])} where {wanted} should be"
    return _reason(error)
