"""Which clips train, which validate and which test: as the data set says, or stratified, with groups kept together."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...text import listed, quoted
from ..extras import require
from .examples import PARTS, TEST, TRAIN, VALIDATION, Example

_FOLDS = 10  # a tenth of the clips validates, a tenth tests
_LEAST = 3  # clips, or groups, of each class: one for each part


def assign_parts(examples: Sequence[Example], seed: int) -> list[str]:
    """The part of each clip for one seed.

    Parts of the data set stay; validation is taken from the training clips where it is missing. Folds rotate: seed i tests on
    fold i and validates on the next. Otherwise the clips are divided 80/10/10, stratified by class, with the clips of a group in
    one part.

    examples: N clips of one data set.
    seed: from 0.

    Returns N words of PARTS. Raises InputError where a part would be empty, or a class is missing in one.
    """
    if any(one.part for one in examples):
        parts = _given(examples, seed)
    elif any(one.fold for one in examples):
        parts = _by_fold(examples, seed)
    else:
        parts = _divided(examples, seed)
    _check(examples, parts)
    return parts


def describe_split(examples: Sequence[Example], seeds: int) -> str:
    """How the clips are divided, in one sentence."""
    if any(one.part for one in examples):
        more = "" if any(one.part == VALIDATION for one in examples) else "; a tenth of the training clips validates"
        return f"parts as the data set gives them, for all seeds{more}"
    if any(one.fold for one in examples):
        names = _folds(examples)
        more = "" if len(names) > 2 else "; a tenth of the other validates"
        return f"{len(names)} folds as the data set gives them; seed 0 tests on fold {names[0]}, the next seed on the next fold{more}"
    if any(one.group for one in examples):
        return "80/10/10 as near as groups allow, stratified; no group is in two parts; a new division for each seed"
    return f"80/10/10, stratified; a new division for each of {seeds} seeds" if seeds > 1 else "80/10/10, stratified"


def _given(examples: Sequence[Example], seed: int) -> list[str]:
    empty = [one for one in examples if not one.part]
    if empty:
        raise InputError(f"{quoted(empty[0].name)} has no split, and others have; give one to every clip, or to none")
    parts = [one.part for one in examples]
    return parts if VALIDATION in parts else _with_validation(examples, parts, seed)


def _folds(examples: Sequence[Example]) -> list[str]:
    names = sorted(
        {one.fold for one in examples}, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name)
    )
    if "" in names:
        raise InputError("some clips have a fold and others have none; give one to every clip, or to none")
    if len(names) < 2:
        raise InputError(f"all clips are in fold {quoted(names[0])}; at least two folds are needed")
    return names


def _by_fold(examples: Sequence[Example], seed: int) -> list[str]:
    names = _folds(examples)
    test, validation = names[seed % len(names)], names[(seed + 1) % len(names)] if len(names) > 2 else None
    roles = {test: TEST, validation: VALIDATION}
    parts = [roles.get(one.fold, TRAIN) for one in examples]
    return parts if validation else _with_validation(examples, parts, seed)


def _with_validation(examples: Sequence[Example], parts: list[str], seed: int) -> list[str]:
    """The parts, with a tenth of the training clips as validation."""
    rest = [i for i, part in enumerate(parts) if part == TRAIN]
    (chosen,) = _tenths([examples[i] for i in rest], seed, 1)
    parts = parts.copy()
    for i in chosen:
        parts[rest[i]] = VALIDATION
    return parts


def _divided(examples: Sequence[Example], seed: int) -> list[str]:
    test, validation = _tenths(examples, seed, 2)
    parts = [TRAIN] * len(examples)
    for chosen, part in ((test, TEST), (validation, VALIDATION)):
        for i in chosen:
            parts[i] = part
    return parts


def _tenths(examples: Sequence[Example], seed: int, count: int) -> list[np.ndarray]:
    """Indices of the first ``count`` stratified tenths; larger ones where a class has fewer than ten clips or groups."""
    selection = require("sklearn.model_selection", "scikit-learn")
    labels, groups = [one.label for one in examples], [one.group for one in examples]
    if any(groups) and not all(groups):
        raise InputError("some clips have a group and others have none; give one to every clip, or to none")
    unit = "group" if any(groups) else "clip"
    sizes = Counter(label for label, _ in set(zip(labels, groups if any(groups) else range(len(labels)), strict=True)))
    label, least = min(sizes.items(), key=lambda item: (item[1], item[0]))
    if least < count + 1:
        named = f"class {quoted(label)} has" if label else "there are"
        raise InputError(
            f"{named} {least} {unit}{'s' if least > 1 else ''}; {count + 1} or more are needed, one for each part"
            + ("; give splits of your own, or leave out the groups" if unit == "group" else "")
        )
    folds = min(_FOLDS, least)
    kind = selection.StratifiedGroupKFold if any(groups) else selection.StratifiedKFold
    dividing = kind(folds, shuffle=True, random_state=seed).split(labels, labels, groups if any(groups) else None)
    return [chosen for (_, chosen), _ in zip(dividing, range(count), strict=False)]


def _check(examples: Sequence[Example], parts: list[str]) -> None:
    for part in PARTS:
        if part not in parts:
            raise InputError(f"no clip is in the part {part}; give splits in the table, or leave them all out")
    known = {one.label for one, part in zip(examples, parts, strict=True) if part == TRAIN}
    strange = sorted({one.label for one in examples} - known)
    if strange:
        raise InputError(
            f"no training clip has the class {listed([quoted(name) for name in strange])}; change the splits"
        )
