"""The deployment form, drawn from the strategy's config schema and the schema of the risk limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from marketdata.kraken.symbols import UnknownPairName, symbols_of
from portfolios.fees import known_schedules
from strategies.deployments.config_fields import (
    ConfigField,
    InvalidValue,
    Kind,
    config_fields,
    flat,
    grouped,
    margin_fields,
    risk_fields,
    shown,
)
from strategies.deployments.money_terms import assets_as_text, assets_from_text
from strategies.deployments.selectors import terms_shown
from strategies.deployments.terms import TERMS, Term, check_deployment
from strategies.models import Deployment
from strategies.terms import Group
from trading.strategy import Strategy

CONFIG, RISK, MARGIN = "config__", "risk__", "margin__"
UNSET = object()  # left empty: the default holds
# Terms that a form field each stands for; of the others each key has one.
SINGLE = tuple(key for key, term in TERMS.items() if not term.has_keys)


class ConfigFormField(forms.Field):
    """One key of a config; empty means the default."""

    def __init__(self, about: ConfigField) -> None:
        self.about = about
        super().__init__(required=False, label=about.key, help_text=_help(about), widget=_widget(about), initial=None)

    def clean(self, value: Any) -> Any:
        """Return the JSON value, or UNSET when nothing was filled in."""
        text = (value or "").strip()
        if not text:
            if self.about.is_required:
                raise ValidationError(f"{self.about.key} is empty; expected {self.about.expected}")
            return UNSET
        try:
            return self.about.value(text)
        except InvalidValue as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return whether the text differs from what was shown."""
        return (data or "").strip() != (initial or "")


class TermFormField(ConfigFormField):
    """One term of a deployment; empty means the default."""

    def __init__(self, term: Term) -> None:
        super().__init__(term.about)
        self.label = label_of(term)

    def clean(self, value: Any) -> Any:
        """Return the value that the row takes."""
        cleaned = super().clean(value)
        return self.about.default if cleaned is UNSET else cleaned


def label_of(term: Term) -> str:
    """Return the term's label, its unit behind it."""
    return f"{term.label} ({term.unit})" if term.unit else term.label


def shown_settings(deployment: Deployment, strategy: Strategy) -> dict[str, Any]:
    """Return a deployment's settings as they stand in the form of its strategy."""
    settings: dict[str, Any] = {"name": deployment.name, "slug": deployment.slug}
    settings |= {s.key: shown(s.value) for s in terms_shown(deployment)}
    settings["symbols"] = ", ".join(deployment.symbols)
    settings["assets"] = assets_as_text(deployment.assets)
    config = flat(deployment.config, config_fields(strategy.schema()))
    margin = flat(deployment.margin, margin_fields())
    for prefix, values in ((CONFIG, config), (RISK, deployment.risk), (MARGIN, margin)):
        settings.update({f"{prefix}{key}": shown(value) for key, value in values.items()})
    return settings


def _help(about: ConfigField) -> str:
    words = [about.help] if about.help else []
    if about.bounds:
        words.append(about.bounds)
    words.append("required" if about.is_required else f"default {_default_shown(about)}")
    return " · ".join(words)


def _default_shown(about: ConfigField) -> str:
    return "none" if about.default is None else shown(about.default)


def _widget(about: ConfigField) -> forms.Widget:
    default = _default_shown(about)
    match about.kind:
        case Kind.CHOICE:
            options = [(str(choice), str(choice)) for choice in about.choices]
            return forms.Select(choices=[("", f"{default} (default)"), *options])
        case Kind.FLAG:
            return forms.Select(choices=[("", f"{default} (default)"), ("true", "yes"), ("false", "no")])
        case Kind.JSON:
            return forms.Textarea(attrs={"rows": 3, "cols": 60, "placeholder": default, "spellcheck": "false"})
        case Kind.TEXT:
            return forms.TextInput(attrs={"placeholder": default})
    # Bounds are the server's to judge: the browser's own message would hide the field's name and the value.
    attrs = {"placeholder": default, "inputmode": "numeric" if about.kind is Kind.WHOLE else "decimal"}
    return forms.TextInput(attrs=attrs)


def _fee_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    known = known_schedules()
    return [
        ("Always the schedule in force", [(name, f"{name} (whichever is in force)") for name in known.families()]),
        ("One schedule for ever", [(schedule.name, schedule.name) for schedule in reversed(list(known))]),
    ]


def _single(key: str, **options: Any) -> dict[str, Any]:
    """Return what a term's own form field has in common with the drawn ones."""
    return {"required": False, "label": label_of(TERMS[key]), "help_text": TERMS[key].about.help, **options}


class DeploymentForm(forms.ModelForm[Deployment]):
    """What every strategy has in common; `deployment_form` adds the other terms and the strategy's own fields.

    Only terms that a person writes otherwise than in a box of their kind have a field here.
    """

    strategy: Strategy  # set by `deployment_form`

    symbols = forms.CharField(**_single("symbols", help_text="BASE/QUOTE, comma-separated; empty: the strategy's own"))
    assets = forms.CharField(**_single("assets"))
    fee_schedule = forms.ChoiceField(
        **_single("fee_schedule", choices=_fee_choices, initial=TERMS["fee_schedule"].about.default)
    )

    class Meta:
        model = Deployment
        fields = ("name", "slug", *SINGLE)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            # The account carries the slug for good.
            self.fields.pop("slug", None)
            self.initial.update(shown_settings(self.instance, self.strategy))
        if "symbols" in self.fields:
            self.fields["symbols"].widget.attrs["placeholder"] = ", ".join(self.strategy.symbols)

    def clean_symbols(self) -> list[str]:
        """Return the symbols; those of the strategy are stored as none."""
        text: str = self.cleaned_data["symbols"]
        try:
            symbols = list(symbols_of(text.split(",")))
        except UnknownPairName as error:
            raise ValidationError(str(error)) from None
        return [] if tuple(symbols) == self.strategy.symbols else symbols

    def clean_assets(self) -> dict[str, str]:
        """Return the assets by currency."""
        try:
            return assets_from_text(self.cleaned_data["assets"])
        except ValidationError as error:
            raise ValidationError(error.messages) from None

    def clean_fee_schedule(self) -> str:
        """Return the name; left empty the default."""
        return self.cleaned_data["fee_schedule"] or str(TERMS["fee_schedule"].about.default)

    def clean(self) -> dict[str, Any]:
        """Check the config as a whole, as the services will."""
        super().clean()
        changes = self.changes()
        self.instance.strategy = self.strategy.name
        for name in TERMS:
            if name in changes:
                setattr(self.instance, name, changes[name])
        if not self.errors:
            try:
                check_deployment(self.instance)
            except ValidationError as error:
                for name, messages in error.message_dict.items():
                    self.add_error(name if name in self.fields else NON_FIELD_ERRORS, messages)
        return self.cleaned_data

    def changes(self) -> dict[str, Any]:
        """Return the deployment's fields as the services take them, config and risk limits gathered."""
        fields = {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.cleaned_data}
        return {
            **fields,
            "strategy": self.strategy.name,
            "config": self._gathered(CONFIG, config_fields(self.strategy.schema())),
            "risk": self._gathered(RISK, risk_fields()),
            "margin": self._gathered(MARGIN, margin_fields()),
        }

    def _gathered(self, prefix: str, fields: Iterable[ConfigField]) -> dict[str, Any]:
        values = {field.key: self.cleaned_data.get(f"{prefix}{field.key}", UNSET) for field in fields}
        defaults = {field.key: field.default for field in fields}
        return grouped({key: value for key, value in values.items() if value is not UNSET and value != defaults[key]})


def deployment_form(strategy: Strategy) -> type[DeploymentForm]:
    """Return the form class for deployments of ``strategy``."""
    fields: dict[str, Any] = {
        key: TermFormField(TERMS[key]) for key in SINGLE if key not in DeploymentForm.declared_fields
    }
    fields |= {f"{CONFIG}{about.key}": ConfigFormField(about) for about in config_fields(strategy.schema())}
    fields |= {f"{RISK}{about.key}": ConfigFormField(about) for about in risk_fields()}
    fields |= {f"{MARGIN}{about.key}": ConfigFormField(about) for about in margin_fields()}
    return type("DrawnDeploymentForm", (DeploymentForm,), {**fields, "strategy": strategy})


def fields_by_group(form: type[forms.ModelForm[Deployment]]) -> dict[Group, list[str]]:
    """Return the names of a form's fields by the group of their term: CONFIG__KEY is of the config's."""
    grouped: dict[Group, list[str]] = {group: [] for group in Group}
    for name in form.base_fields:
        term = TERMS.get(name.partition("__")[0])
        if term is not None:
            grouped[term.group].append(name)
    return grouped
