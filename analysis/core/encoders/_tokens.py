"""Tokenizers of open_clip's text towers: some come with the library, others are published and fetched with weights."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.core.encoders._download import Source
from analysis.core.encoders._protocol import Advance
from analysis.core.encoders._store import Store
from analysis.core.encoders._torch import import_library
from analysis.core.encoders._words import brief, fetch_command
from analysis.core.errors import ModelUnavailable

if TYPE_CHECKING:
    import torch

_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json"),
    *("spiece.model", "sentencepiece.bpe.model", "tokenizer.model", "vocab.txt", "vocab.json", "merges.txt"),
)
_CONTEXT = 77
"""Tokens of a text where an architecture does not say, as in open_clip."""


class Tokens:
    """The tokenizer of an architecture, made when the first text comes: images need none.

    Args:
        name: the encoder's name.
        architecture: open_clip's name.
        text: what open_clip says of the architecture's text tower.
        folder: the models folder.
    """

    def __init__(self, *, name: str, architecture: str, text: Mapping[str, Any], folder: Path) -> None:
        self._name = name
        self._architecture = architecture
        self._text = text
        self._repository = str(text.get("hf_tokenizer_name", ""))
        self._store = Store(folder, f"tokenizers/{self._repository}", name)
        self._made: Any = None

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Tokens of texts: int64, shape (n, context length).

        Raises:
            ModelUnavailable: the tokenizer, or the library that reads it, is not on this machine.
        """
        if self._made is None:
            self._made = self._make()
        tokens: torch.Tensor = self._made(list(texts))
        return tokens

    def fetch(self, advance: Advance) -> None:
        """Download the tokenizer, where it does not come with open_clip.

        Raises:
            ModelUnavailable: it cannot be downloaded.
        """
        if self._repository:
            sources = [Source(self._repository, (file,)) for file in _FILES]
            self._store.fetch(sources, {"name": self._repository}, advance, optional=True)

    def _make(self) -> Any:
        open_clip = import_library("open_clip")
        if not self._repository:
            return open_clip.get_tokenizer(self._architecture)
        if importlib.util.find_spec("transformers") is None:
            raise ModelUnavailable(
                f"Texts for {self._name} need the library transformers, which is not installed.",
                remedy="Run: pip install transformers; or choose one of OpenAI's models, whose tokenizer is here.",
            )
        there = self._store.about() is not None
        try:
            if not there:
                return open_clip.get_tokenizer(self._architecture, local_files_only=True)
            self._store.verify(again=False)
            return open_clip.tokenizer.HFTokenizer(
                str(self._store.home),
                context_length=self._text.get("context_length", _CONTEXT),
                tokenizer_mode=self._text.get("tokenizer_mode"),
                **self._text.get("tokenizer_kwargs", {}),
            )
        except ModelUnavailable:
            raise
        except Exception as error:
            what = f"cannot be read ({brief(error)})" if there else "is not on this machine"
            raise ModelUnavailable(
                f"The tokenizer of {self._name} {what}.", remedy=f"Run: {fetch_command(self._name)}"
            ) from error
