"""Forms of the account page."""

from __future__ import annotations

from django import forms


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(
        max_length=100,
        label="What it is for",
        help_text="For instance the machine or script that will use it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
