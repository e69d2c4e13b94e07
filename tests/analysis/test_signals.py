"""Signals and their rows: made at the first use, gone with a transaction that is rolled back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import pytest
from django.db import transaction

from analysis.models import Hash, Signal
from analysis.signals import signal
from catalog.core.errors import BrokenTable
from catalog.models import Dataset

Bring = Callable[[str, Mapping[str, bytes]], Dataset]

NAME = "marr_hildreth-576"
"""A hash that no import computes."""


class TakenBackError(Exception):
    pass


def make_and_fail() -> None:
    with transaction.atomic():
        made = signal(NAME)
        assert signal(NAME) is made
        raise TakenBackError


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("within", ["no transaction", "another that goes on"])
def test_what_a_transaction_made_is_forgotten_when_it_is_rolled_back(
    within: str, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    with transaction.atomic() if within == "another that goes on" else nullcontext():
        with pytest.raises(TakenBackError):
            make_and_fail()
        assert not Signal.objects.filter(name=NAME).exists()
        known = signal(NAME)
    assert Signal.objects.get(name=NAME).pk == known.id
    with django_assert_num_queries(0):
        assert signal(NAME) is known


def test_a_refused_upload_takes_the_signals_along_that_it_made(import_files: Bring) -> None:
    good = {"names.txt": b"a\n", f"{NAME}.json": json.dumps(["0" * 144]).encode()}
    with pytest.raises(BrokenTable):
        import_files("Secret", good | {"v.csv": b'name,embedding\na,"[1]"\n', "w.csv": b'name,embedding\na,"[nan]"\n'})
    assert not Signal.objects.filter(name=NAME).exists()
    assert not Signal.objects.filter(name__startswith="vectors:").exists()
    # The process that refused it knows so.
    import_files("Secret", good)
    assert Hash.objects.get().signal_id == Signal.objects.get(name=NAME).pk
