"""What libsndfile overlooks in the containers it reads: wrong sizes, broken pages, lists without end.

Everything here is known before libsndfile opens the file; sizes are held against the bytes there are, and believed no further.
"""

from ..request import Request
from .aiff_au_caf import iff_audit
from .flac import flac_audit
from .ogg import ogg_audit
from .report import ContainerReport
from .riff import riff_audit

_AUDITS = (riff_audit, iff_audit, flac_audit, ogg_audit)


def audit_container(request: Request) -> ContainerReport:
    """What the container of an audio file says of itself, and where that does not hold.

    Raises InputError for a file in which there are no samples, or at which libsndfile would not come back.
    """
    report = ContainerReport(request)
    with open(request.path, "rb") as file:
        head = file.read(64)
        report.known = any(look(file, head, report) for look in _AUDITS)
    return report
