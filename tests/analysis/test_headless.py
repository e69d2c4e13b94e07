"""The parts of a run without a database: pairs of each scope, names of models, a folder that is whole or untouched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.core.arrays import PackedBits, Pairs
from analysis.core.errors import AnalysisError, ModelUnavailable, TooManyPairs, UnknownName
from analysis.core.report import ReportFile
from analysis.core.scales import Bits
from analysis.core.search import hamming_join
from catalog.core.layouts import ImageEntry
from simweb.headless import SUMMARY, Output
from simweb.headless.compare import Described, Half, compare
from simweb.headless.encoders import encoder_named
from simweb.headless.folders import sample
from simweb.headless.trial import Trial
from tests.core.model_files import clip_weights, describe, mean_colour_onnx, save

# ---- pairs ----


def half(*sizes: int, max_pairs: int = 10_000, seed: int = 0) -> tuple[Half, list[tuple[int, np.ndarray[Any, Any]]]]:
    """Hashes of 8 bits, of every second image of each dataset; and row of all datasets with bits, one by one."""
    rng = np.random.default_rng(seed)
    described, told, offset = [], [], 0
    for size in sizes:
        rows = np.arange(0, size, 2)
        bits = rng.integers(0, 2, (len(rows), 8)).astype(np.bool_)
        described.append(Described(PackedBits.from_bool(bits) if len(rows) else None, rows))
        told += [(offset + int(row), each) for row, each in zip(rows, bits, strict=True)]
        offset += size

    def join(first: PackedBits, second: PackedBits | None) -> Pairs:
        return hamming_join(first, second, 2, max_pairs=max_pairs)

    found = Half("perceptual", "ahash-8", "aHash", "Finds copies.", Bits(8), 2, described, join)
    return found, told


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    scope=st.sampled_from(["across", "within", "both", None]),
    seed=st.integers(0, 99),
)
def test_every_scope_has_the_pairs_of_brute_force(sizes: list[int], scope: str | None, seed: int) -> None:
    made, told = half(*sizes, seed=seed)
    home = np.repeat(np.arange(len(sizes)), sizes)
    near = {(a, b) for a, x in told for b, y in told if a < b and (x != y).sum() <= 2}
    inside = {(a, b) for a, b in near if home[a] == home[b]}
    found = compare(made, sizes, scope)

    def pairs(of: Pairs) -> set[tuple[int, int]]:
        assert (np.diff(of.distance) >= 0).all()
        return set(zip(of.a.tolist(), of.b.tolist(), strict=True))

    reported = {"across": near - inside, "within": inside, "both": near, None: near - inside}[scope]
    assert pairs(found.part.pairs) == reported
    assert pairs(found.inside.pairs) == (set() if scope == "across" else inside)
    assert found.listed == (frozenset() if scope == "across" else frozenset(range(len(sizes))))


def test_too_many_pairs_inside_stop_only_who_asked_for_them() -> None:
    made, _ = half(60, 4, max_pairs=30)
    found = compare(made, [60, 4], None)
    assert set(found.crowded) == {0}
    assert set(found.listed) == {1}
    assert compare(made, [60, 4], "across").crowded == {}
    for scope in ("within", "both"):
        with pytest.raises(TooManyPairs):
            compare(made, [60, 4], scope)


@given(names=st.lists(st.text("abc/é", min_size=1, max_size=4), unique=True), most=st.integers(1, 8))
def test_a_sample_keeps_the_order_and_depends_on_names_alone(names: list[str], most: int) -> None:
    entries = [ImageEntry(f"{name}.png", name, ()) for name in names]
    chosen = [entry.name for entry in sample(entries, most)]
    assert chosen == [name for name in names if name in chosen]
    assert len(chosen) == min(most, len(names))
    assert set(chosen) <= {entry.name for entry in sample(entries, most + 1)}
    assert set(chosen) == {entry.name for entry in sample(entries[::-1], most)}


# ---- names of models ----


def test_a_model_is_found_by_the_names_that_people_have_for_it(tmp_path: Path) -> None:
    describe(mean_colour_onnx(tmp_path / "onnx" / "mean.onnx"))
    describe(mean_colour_onnx(tmp_path / "onnx" / "mean.two.onnx"))
    save(clip_weights(), tmp_path / "openclip" / "ViT-S-32-alt" / "mine.pt")
    for asked, name in {
        "ViT-B-32": "openclip:ViT-B-32/openai",
        "ViT-B-32/openai": "openclip:ViT-B-32/openai",
        "openclip:ViT-B-32": "openclip:ViT-B-32/openai",
        "openclip:ViT-L-14/openai": "openclip:ViT-L-14/openai",
        "ViT-B-16-SigLIP": "openclip:ViT-B-16-SigLIP/webli",
        "timm:resnet18.a1_in1k": "timm:resnet18.a1_in1k",
    }.items():
        assert encoder_named(asked, tmp_path).name == name
    for asked in ("onnx:mean", "onnx:mean.two", "ViT-S-32-alt/mine", "openclip:ViT-S-32-alt/mine"):
        found = encoder_named(asked, tmp_path).name
        assert found.removeprefix("openclip:").rpartition("~")[0] == asked.removeprefix("openclip:")
        assert encoder_named(found, tmp_path).name == found
    for asked in ("onnx:other", "RN50", "ViT-B-32/nothing", "elsewhere:x"):
        with pytest.raises((UnknownName, ModelUnavailable)):
            encoder_named(asked, tmp_path)
    # Two files of one name: nobody can say which is meant.
    save(clip_weights(1), tmp_path / "openclip" / "ViT-S-32-alt" / "mine.safetensors")
    with pytest.raises((UnknownName, ModelUnavailable)):
        encoder_named("ViT-S-32-alt/mine", tmp_path)


# ---- one half and the other ----


def fails(message: str) -> Callable[[], int]:
    def work() -> int:
        raise AnalysisError(message)

    return work


def test_the_last_half_that_is_stopped_stops_everything() -> None:
    trial = Trial(["perceptual", "cosine"])
    assert trial.run("perceptual", lambda: 7) == 7
    assert trial.run("cosine", fails("No model.")) is None
    assert trial.run("cosine", fails("Again.")) is None
    with pytest.raises(AnalysisError, match=r"(?s)cosine: Again\..*perceptual: No hashes\."):
        trial.run("perceptual", fails("No hashes."))
    with pytest.raises(AnalysisError, match=r"^No model\.$"):
        Trial(["cosine"]).run("cosine", fails("No model."))


# ---- the folder ----


def file(path: str, content: bytes = b"new") -> ReportFile:
    return ReportFile(path, "", lambda: [content])


def broken() -> Iterator[bytes]:
    yield b"half of it"
    raise OSError(28, "No space left on device")


def stop(out: Path, path: str) -> None:
    """Write one file, and half of another."""
    with Output(out) as output:
        output.write(file("a.json"))
        output.write(ReportFile(path, "", broken))
        output.commit({"files": list(output.written)})


def there(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_run_that_stops_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    new = tmp_path / "new" / "deep"
    with pytest.raises(OSError, match="No space"):
        stop(new, "b.json")
    assert not new.exists()

    out = tmp_path / "out"
    with Output(out) as output:
        for path in ("a.json", "gone.json", "D/names.json", "E/names.json"):
            output.write(file(path, b"old"))
        output.commit({"files": list(output.written)})
    before = there(out)
    assert set(before) == {"a.json", "gone.json", "D/names.json", "E/names.json", SUMMARY}
    with pytest.raises(OSError, match="No space"):
        stop(out, "D/names.json")
    assert there(out) == before
    with Output(out) as output:
        output.write(file("a.json"))
        output.write(file("F/names.json"))
        output.commit({"files": list(output.written)})
    assert there(out) == {"a.json": b"new", "F/names.json": b"new", SUMMARY: (out / SUMMARY).read_bytes()}
    assert not (out / "D").exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"files": 3}', '{"files": [1, "linked", "mine", "", "/etc/x", "../keep", "a/../.."]}']
)
def test_a_summary_that_is_not_ours_costs_no_file(tmp_path: Path, content: str) -> None:
    out = tmp_path / "out"
    (out / "mine").mkdir(parents=True)
    (tmp_path / "keep").write_text("mine")
    (out / "linked").symlink_to(tmp_path / "keep")
    (out / SUMMARY).write_text(content)
    with Output(out) as output:
        output.write(file("a.json"))
        output.commit({"files": list(output.written)})
    assert (tmp_path / "keep").read_text() == (out / "linked").read_text() == "mine"
    assert (out / "mine").is_dir()
    assert json.loads((out / SUMMARY).read_text()) == {"files": ["a.json"]}
