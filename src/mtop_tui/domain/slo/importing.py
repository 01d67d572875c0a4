"""Objectives from the documents of one file, whichever format each document has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mtop_tui.domain.slo import sloth
from mtop_tui.domain.slo.fields import Complaint, Field, FieldError, Imported
from mtop_tui.domain.slo.objectives import DEFAULT_WINDOW
from mtop_tui.domain.slo.openslo import VERSIONS, import_openslo
from mtop_tui.domain.slo.periods import RollingWindow

_SLOTH_KINDS = ("PrometheusServiceLevel", "AlertWindows")


def import_documents(
    documents: Sequence[object], file: str, sloth_window: RollingWindow = DEFAULT_WINDOW
) -> Imported:
    """The objectives of plain documents: OpenSLO and Sloth, also mixed.

    Args:
        documents: as a YAML reader gives them; empty ones (None) are passed over but counted.
        file: its name, for the objectives' origin.
        sloth_window: the period of Sloth's objectives, which its documents do not tell.
    """
    parts: list[Imported] = []
    openslo: list[tuple[int, Field]] = []
    for number, document in enumerate(documents, 1):
        if document is None:
            continue
        field = Field("", document)
        try:
            if field.get("apiVersion").value in VERSIONS:
                openslo.append((number, field))
            else:
                _expect_sloth(field)
                parts.append(sloth.import_sloth(number, field, file, sloth_window))
        except FieldError as error:
            parts.append(Imported(errors=(Complaint(number, error.path, error.message),)))
    parts.append(import_openslo(openslo, file))
    catalogues = {
        period: catalogue for part in parts for period, catalogue in part.catalogues.items()
    }
    return Imported(
        tuple(objective for part in parts for objective in part.objectives),
        catalogues,
        _in_order(complaint for part in parts for complaint in part.warnings),
        _in_order(complaint for part in parts for complaint in part.errors),
    )


def _expect_sloth(field: Field) -> None:
    """Complain about a document that is of neither format.

    Raises:
        FieldError: always, unless it is Sloth's.
    """
    if field.get("groups").is_set:
        field.get("groups").fail("an OpenSLO or Sloth document; these are rules for Prometheus")
    version = field.get("version")
    if version.is_set:
        version.choice((sloth.VERSION,))
        return
    field.get("apiVersion").choice((*VERSIONS, sloth.API_VERSION))
    field.get("kind").choice(_SLOTH_KINDS)


def _in_order(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    return tuple(sorted(complaints, key=lambda complaint: complaint.document))
