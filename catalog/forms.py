"""Forms of the catalogue's pages."""

from __future__ import annotations

from django import forms

from catalog.models import Membership, Project


class ProjectForm(forms.ModelForm[Project]):
    """A project's name and what it is about."""

    class Meta:
        model = Project
        fields = ("name", "description")
        widgets = {
            "name": forms.TextInput(attrs={"autocomplete": "off", "placeholder": "For instance: Saints in art"}),
            "description": forms.Textarea(attrs={"rows": 3}),
        }
        help_texts = {"description": "What the datasets are for; the team sees it above them."}

    def clean_name(self) -> str:
        """The name without surplus spaces."""
        return " ".join(str(self.cleaned_data["name"]).split())


class MemberForm(forms.Form):
    """A person's role in a project."""

    username = forms.CharField(
        max_length=150,
        label="Signs in as",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.ANNOTATOR)


class DeleteDatasetForm(forms.Form):
    """The dataset's name, written once more by whoever deletes it."""

    name = forms.CharField(max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: object, expected: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.expected = expected
        self.fields["name"].label = f"Write “{expected}” to confirm"

    def clean_name(self) -> str:
        """The name, if it is the right one."""
        name = str(self.cleaned_data["name"])
        if name != self.expected:
            raise forms.ValidationError(f"This is not the dataset's name. It is called “{self.expected}”.")
        return name
