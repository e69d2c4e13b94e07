"""From descriptors to measurements: exact joins of what no comparison has covered yet, in blocks that any worker takes.

What is missing of two datasets is an L: new images against all, and old ones against new. `plan` cuts it into blocks
of bounded size, `take` gives one to a worker, `join` does it, `settle` writes the coverage when all are done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from django.db import connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from analysis import bulk, descriptors
from analysis.core.arrays import Pairs
from analysis.core.errors import TooManyPairs
from analysis.descriptors import Side
from analysis.models import Block, Comparison, Coverage
from analysis.queries import Cell, cells
from analysis.signals import KnownSignal, signal
from catalog.jobs import claim, lost
from catalog.models import Image, Job

BLOCK_ROWS = 1_000_000
"""Most images along one side of a block. It bounds a worker's memory and what a lost worker costs (docs/scale.md)."""

BLOCK_BYTES = 256 * 1024 * 1024
"""Most memory that the descriptors along one side may take: embeddings take a thousand times what a hash does."""

MAX_PAIRS = 20_000_000
"""Most pairs of one block; beyond it the person is told which images cause them."""

ADVISORY_SPACE = 0x5157
"""Keeps our advisory locks apart from other applications' in the same database."""

Asked = Sequence[tuple[KnownSignal, float]]
"""What a comparison asks for: signals with the largest distance."""


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive described images of a dataset.

    Attributes:
        after: the id that they come after.
        upto: the id of the last.
        rows: how many they are.
    """

    after: int
    upto: int
    rows: int


@dataclass(frozen=True, slots=True)
class Spans:
    """The described images of a dataset, in order.

    Attributes:
        old: those that the coverage speaks of.
        new: the later ones.
    """

    old: tuple[Span, ...]
    new: tuple[Span, ...]


def missing(a: Spans, b: Spans | None) -> list[tuple[Span, Span]]:
    """The blocks in which the pairs lie that are not covered: each such pair in exactly one.

    Args:
        a: images of the first dataset.
        b: images of the second; None inside one dataset, where a span with itself stands for each of its pairs once.
    """
    if b is not None:
        return [*product(a.new, b.old + b.new), *product(a.old, b.new)]
    return [*product(a.old, a.new), *((one, other) for n, other in enumerate(a.new) for one in a.new[: n + 1])]


def work(first: Span, second: Span, within: bool) -> int:
    """How many comparisons of two images a block stands for, to weigh progress."""
    return first.rows * (first.rows - 1) // 2 if within and first == second else first.rows * second.rows


def _plan_alone() -> None:
    """Until the transaction ends, nobody else plans or settles: blocks are shared, made and removed only here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [ADVISORY_SPACE])


def _spans(dataset_id: int, known: KnownSignal, after: int, upto: int | None = None) -> tuple[Span, ...]:
    """Cut the described images with after < id ≤ upto into spans of one block's length, the last one shorter.

    The cut depends on the images alone, so a plan made again after an interruption finds the blocks that are done.
    """
    rows = max(1, min(BLOCK_ROWS, BLOCK_BYTES // descriptors.typical_width(known)))
    query = f"""
        SELECT image_id, place FROM (
            SELECT image_id, row_number() OVER ids AS place, lead(image_id) OVER ids AS next
            FROM {known.stored._meta.db_table}
            WHERE dataset_id = %s AND signal_id = %s AND image_id > %s AND image_id <= %s
            WINDOW ids AS (ORDER BY image_id)
        ) AS numbered WHERE place %% %s = 0 OR next IS NULL ORDER BY place
    """  # noqa: S608  # the name of one of two tables
    with connection.cursor() as cursor:
        cursor.execute(query, [dataset_id, known.base.id, after, bulk.LAST_ID if upto is None else upto, rows])
        ends = cursor.fetchall()
    starts = [(after, 0), *ends[:-1]]
    return tuple(Span(start, end, place - before) for (start, before), (end, place) in zip(starts, ends, strict=False))


def _missing_blocks(known: KnownSignal, cell: Cell, max_distance: float) -> Iterator[Block]:
    row = Coverage.objects.filter(signal_id=known.id, dataset_a=cell.a, dataset_b=cell.b).first()
    # New images are joined as far as the old ones were, so that one distance holds for all.
    reach = max(max_distance, row.max_distance) if row else max_distance
    upto_a, upto_b = (row.upto_a, row.upto_b) if row and row.max_distance >= reach else (0, 0)
    a, b = (
        Spans(_spans(dataset, known, 0, upto), _spans(dataset, known, upto))
        for dataset, upto in ((cell.a, upto_a), (cell.b, upto_b))
    )
    for first, second in missing(a, None if cell.a == cell.b else b):
        yield Block(
            signal_id=known.id,
            dataset_a_id=cell.a,
            dataset_b_id=cell.b,
            after_a=first.after,
            upto_a=first.upto,
            after_b=second.after,
            upto_b=second.upto,
            max_distance=reach,
            total=work(first, second, cell.a == cell.b),
            unit="comparisons",
        )


def _key(block: Block) -> tuple[float, ...]:
    ranges = (block.after_a, block.upto_a, block.after_b, block.upto_b, block.max_distance)
    return (block.signal_id, block.dataset_a_id, block.dataset_b_id, *ranges)


def plan(comparison: Comparison, asked: Asked) -> int:
    """Have the comparison wait for a block for everything that it asks for and that is not covered.

    Blocks that another comparison waits for too are shared, and those that an interrupted run has finished are kept.
    New images are joined with all others; images already covered are joined again only for a larger distance.

    Returns:
        how many comparisons of two images its blocks stand for.
    """
    with transaction.atomic():
        _plan_alone()
        wanted = {
            _key(block): block
            for known, max_distance in asked
            for cell in cells(comparison)
            for block in _missing_blocks(known, cell, max_distance)
        }
        Block.objects.bulk_create(wanted.values(), ignore_conflicts=True, batch_size=5000)
        there = Block.objects.filter(dataset_a__in=comparison.datasets.all(), dataset_b__in=comparison.datasets.all())
        comparison.blocks.set([block for block in there if _key(block) in wanted])
        comparison.blocks.filter(status=Job.Status.FAILED).update(status=Job.Status.QUEUED, error="")
        _remove_unneeded()
    return sum(block.total for block in wanted.values())


def _remove_unneeded() -> None:
    Block.objects.filter(comparisons=None).delete()


def take(comparison_id: int) -> Block | None:
    """Claim a block that the comparison waits for: one that nobody has begun, else one whose worker was lost."""
    with transaction.atomic():
        for waiting in (Block.objects.filter(status=Job.Status.QUEUED), lost(Block)):
            free = waiting.filter(comparisons=comparison_id).select_for_update(skip_locked=True, of=("self",))
            block = free.order_by("pk").first()
            if block is not None:
                return claim(Block, block.pk)
    return None


def join(block: Block) -> None:
    """Find and store the pairs of a block. Doing it twice changes nothing.

    Raises:
        TooManyPairs: naming the images that are in most of them.
    """
    known = signal(block.signal.name)
    first = descriptors.read(known, block.dataset_a_id, after=block.after_a, upto=block.upto_a)
    alone = (block.dataset_a_id, block.after_a) == (block.dataset_b_id, block.after_b)
    second = None if alone else descriptors.read(known, block.dataset_b_id, after=block.after_b, upto=block.upto_b)
    pairs = _join(block, known, first, second)
    bulk.write_measurements(signal_id=known.id, dataset_a=block.dataset_a_id, dataset_b=block.dataset_b_id, pairs=pairs)


def _join(block: Block, known: KnownSignal, first: Side, second: Side | None) -> Pairs:
    """A block's pairs as image ids; hubs are named as people know them."""
    try:
        found = descriptors.join(known, first, second, block.max_distance, max_pairs=MAX_PAIRS)
    except TooManyPairs as error:
        ids = [int(first.ids[row]) for row, _ in error.hubs if row < len(first.ids)]
        names = dict(Image.objects.filter(pk__in=ids).values_list("pk", "name"))
        hubs = ", ".join(
            f"{names[int(first.ids[row])]} ({n:,} pairs)" for row, n in error.hubs[:5] if row < len(first.ids)
        )
        raise TooManyPairs(
            f"More than {MAX_PAIRS:,} pairs of {block.dataset_a} and {block.dataset_b} lie within "
            f"{known.words(block.max_distance)}." + (f" In most of them: {hubs}." if hubs else ""),
            limit=error.limit,
            hubs=error.hubs,
            remedy="Such images are often blank or flat. Choose a smaller distance, or leave them out.",
        ) from None
    other = first if second is None else second
    return Pairs(first.ids[found.a], other.ids[found.b], found.distance, found.orientation)


def report(block: Block) -> None:
    """Have every comparison that waits for the block show how much is done."""
    links = Block.comparisons.through._default_manager.filter(comparison=OuterRef("pk")).values("comparison")
    done = links.annotate(done=Sum("block__done")).values("done")
    waiting = Comparison.objects.filter(blocks=block, status=Job.Status.RUNNING).values("pk")
    Comparison.objects.filter(pk__in=waiting).update(done=Coalesce(Subquery(done), 0), heartbeat_at=timezone.now())


@dataclass(frozen=True, slots=True)
class State:
    """Where the blocks of a comparison stand.

    Attributes:
        queued: nobody has begun them.
        running: a worker has claimed them.
        error: why one failed; empty where none did.
    """

    queued: int
    running: int
    error: str


def state(comparison_id: int) -> State:
    """Where the blocks that a comparison waits for stand."""
    blocks = Block.objects.filter(comparisons=comparison_id)
    counted = blocks.aggregate(
        queued=Count("pk", filter=Q(status=Job.Status.QUEUED)),
        running=Count("pk", filter=Q(status=Job.Status.RUNNING)),
        error=Max("error", filter=Q(status=Job.Status.FAILED)),
    )
    return State(counted["queued"], counted["running"], counted["error"] or "")


def settle(comparison: Comparison) -> None:
    """Write the coverage of every dataset pair whose blocks are all done, and let go of the blocks nobody has begun.

    Of a dataset pair that is not finished, the blocks that are done wait for the next run.
    """
    links = Block.comparisons.through._default_manager.filter(comparison=comparison)
    with transaction.atomic():
        _plan_alone()
        groups = comparison.blocks.order_by().values("signal_id", "dataset_a_id", "dataset_b_id")
        finished = groups.annotate(
            reach=Max("max_distance"),
            last_a=Max("upto_a"),
            last_b=Max("upto_b"),
            left=Count("pk", filter=~Q(status=Job.Status.DONE)),
        ).filter(left=0)
        for row in list(finished):
            key = row["signal_id"], row["dataset_a_id"], row["dataset_b_id"]
            _advance(key, row["reach"], row["last_a"], row["last_b"])
            links.filter(block__signal=key[0], block__dataset_a=key[1], block__dataset_b=key[2]).delete()
        links.filter(block__status=Job.Status.QUEUED).delete()
        _remove_unneeded()


def _advance(key: tuple[int, int, int], reach: float, upto_a: int, upto_b: int) -> None:
    """Write what is covered now, unless a comparison that ended earlier has covered more."""
    signal_id, a, b = key
    row = Coverage.objects.filter(signal_id=signal_id, dataset_a=a, dataset_b=b).first()
    if row and (row.max_distance, row.upto_a, row.upto_b) > (reach, upto_a, upto_b):
        return
    Coverage.objects.update_or_create(
        signal_id=signal_id,
        dataset_a_id=a,
        dataset_b_id=b,
        defaults={"max_distance": reach, "upto_a": upto_a, "upto_b": upto_b, "computed_at": timezone.now()},
    )


def has_newer_images(comparison: Comparison, asked: Asked) -> bool:
    """Whether images have come that the coverage of the comparison's dataset pairs does not speak of."""
    wanted = set(cells(comparison))
    for known, _ in asked:
        later = known.stored._default_manager.filter(signal_id=known.base.id)
        behind = Coverage.objects.filter(
            Exists(later.filter(dataset_id=OuterRef("dataset_a_id"), image_id__gt=OuterRef("upto_a")))
            | Exists(later.filter(dataset_id=OuterRef("dataset_b_id"), image_id__gt=OuterRef("upto_b"))),
            signal_id=known.id,
            dataset_a__in=comparison.datasets.all(),
            dataset_b__in=comparison.datasets.all(),
        )
        if not wanted.isdisjoint(Cell(a, b) for a, b in behind.values_list("dataset_a_id", "dataset_b_id")):
            return True
    return False
