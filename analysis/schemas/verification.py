"""Verifiers, and what they found."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from analysis import queries
from analysis.core.verifiers import VERIFIERS, Transformation, sentences
from analysis.models import Verification, VerificationRun
from analysis.queries import Verified, VerifiedPair
from analysis.schemas.pairs import PairImage
from catalog.schemas import JobOut

BOX = "Left, top, right and bottom as fractions of the picture."


class VerifierOut(Schema):
    """A way to find the same points in two pictures."""

    name: str = Field(description="A storage key: what it computes never changes.", examples=["orb-1"])
    title: str = Field(examples=["ORB"])
    summary: str
    default_inliers: int = Field(
        description="From so many on, two pictures most likely show the same thing.", examples=[20]
    )


class VerificationIn(Schema):
    """Which verifier is to look."""

    verifier: str = Field("orb-1", examples=["orb-1"])


class TransformationOut(Schema):
    """How picture b lies in picture a."""

    homography: list[list[float]] = Field(description="3 × 3, takes pixels of a to pixels of b, mirroring included.")
    scale: float = Field(description="How much larger a's content is in b, in pixels.", examples=[0.5])
    stretch: float = Field(
        description="How much more a's width is enlarged than its height; 1 where the shape is kept.", examples=[1.0]
    )
    rotation: float = Field(
        description="Degrees by which a's content is turned clockwise in b, or in its left–right mirror image where b "
        "is mirrored.",
        examples=[90.0],
    )
    box_a: list[float] = Field(description=f"The part of a that b shows. {BOX}", examples=[[0.0, 0.0, 1.0, 1.0]])
    box_b: list[float] = Field(description=f"The part of b that shows something of a. {BOX}")
    share_a: float = Field(description="The share of a's area that b shows.", examples=[1.0])
    share_b: float = Field(description="The share of b's area that shows something of a.")
    words: list[str] = Field(description="The same in sentences.", examples=[["Both show the whole picture."]])


class VerificationOut(Schema):
    """What a verifier found in a pair."""

    verifier: str = Field(examples=["orb-1"])
    a: int = Field(description="The first image, in canonical order.")
    b: int = Field(description="The second image.")
    keypoints_a: int
    keypoints_b: int
    matches: int = Field(description="Keypoints matched by the ratio test.", examples=[150])
    inliers: int = Field(description="Matches that one transformation explains; 0 without one.", examples=[134])
    inlier_ratio: float = Field(examples=[0.89])
    sure: bool = Field(description="Whether there are as many inliers as the verifier takes as sure.")
    mirrored: bool = Field(description="Whether b matched as its left–right mirror image.")
    transformation: TransformationOut | None = Field(description="Null where too few matches agree on any.")
    versions: dict[str, str] = Field(examples=[{"opencv": "5.0.0"}])
    computed_at: datetime

    @classmethod
    def of(cls, row: Verification) -> VerificationOut:
        """A stored verification."""
        found = None
        if "homography" in row.geometry:
            lies = Transformation.from_json(row.geometry)
            words = sentences(lies, mirrored=row.mirrored)
            found = TransformationOut(
                **lies.as_json() | {"box_a": list(lies.box_a), "box_b": list(lies.box_b), "words": words}
            )
        return cls(
            verifier=row.verifier,
            a=row.image_a_id,
            b=row.image_b_id,
            keypoints_a=row.keypoints_a,
            keypoints_b=row.keypoints_b,
            matches=row.matches,
            inliers=row.inliers,
            inlier_ratio=row.inlier_ratio,
            sure=row.inliers >= VERIFIERS[row.verifier].default_inliers,
            mirrored=row.mirrored,
            transformation=found,
            versions=row.versions,
            computed_at=row.computed_at,
        )


class VerifiedPairOut(Schema):
    """A pair of a comparison with what a verifier found in it."""

    a: PairImage
    b: PairImage
    matches: int = Field(examples=[150])
    inliers: int = Field(examples=[134])
    sure: bool
    mirrored: bool

    @classmethod
    def of(cls, row: VerifiedPair) -> VerifiedPairOut:
        """A row of the list."""
        looked = row.looked
        return cls(
            a=PairImage.of(row.a),
            b=PairImage.of(row.b),
            matches=looked.matches,
            inliers=looked.inliers,
            sure=looked.sure,
            mirrored=looked.mirrored,
        )


class VerifiedPairPage(Schema):
    """A page of verified pairs, in order of their images."""

    items: list[VerifiedPairOut]
    next: str | None = Field(description="Ask again with it as `after`; null on the last page.")


class VerificationRunIn(VerificationIn):
    """Which pairs of a comparison a verifier is to look at."""

    signal: str = Field("", description="The signal that tells which pairs; the comparison's first if left out.")
    max_distance: float | None = Field(
        None, description="Pairs up to here; what most copies lie within, if left out.", examples=[8]
    )


class VerifiedOut(Schema):
    """How far a verifier has come with the pairs of a run, in this run or in others."""

    pairs: int = Field(description="Pairs up to the distance with both pictures.", examples=[46])
    looked_at: int = Field(description="How many of them the verifier has looked at.")
    sure: int = Field(description="How many of these surely show the same thing.")
    mirrored: int = Field(description="How many of the sure ones are mirror images.")


class VerificationRunOut(JobOut):
    """All pairs of a comparison up to a distance, looked at by one verifier. Those that it knows are not seen again."""

    id: int
    comparison: int
    signal: str = Field(examples=["phash-8"])
    max_distance: float = Field(examples=[8])
    verifier: str = Field(examples=["orb-1"])
    found: VerifiedOut

    @staticmethod
    def resolve_comparison(run: VerificationRun) -> int:
        """The comparison's number."""
        return run.comparison_id

    @staticmethod
    def resolve_signal(run: VerificationRun) -> str:
        """The signal's name."""
        return run.signal.name

    @staticmethod
    def resolve_found(run: VerificationRun) -> Verified:
        """What is known of its pairs now."""
        return queries.verified(
            run.comparison,
            signal_id=run.signal_id,
            max_distance=run.max_distance,
            verifier=run.verifier,
            inliers=VERIFIERS[run.verifier].default_inliers,
        )
