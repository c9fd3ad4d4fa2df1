"""The audit of a container before libsndfile opens it: wrong sizes, broken pages, endless lists, which libsndfile overlooks.

Declared sizes are compared with the bytes in the file, and trusted no further.
"""

from ..request import Request
from .aiff_au_caf import audit_iff
from .flac import audit_flac
from .ogg import audit_ogg
from .report import ContainerReport
from .riff import audit_riff

_AUDITS = (audit_riff, audit_iff, audit_flac, audit_ogg)


def audit_container(request: Request) -> ContainerReport:
    """Compare what the container of an audio file declares with its bytes.

    request: names the file.

    Returns the report. Raises InputError for a file without samples, or one on which libsndfile would hang.
    """
    report = ContainerReport(request)
    with open(request.path, "rb") as file:
        head = file.read(64)
        report.known = any(audit(file, head, report) for audit in _AUDITS)
    return report
