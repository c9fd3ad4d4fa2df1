"""What libsndfile overlooks in the containers it reads: wrong sizes, broken pages, lists without end.

Everything here is known before libsndfile opens the file; sizes are held against the bytes there are, and believed no further.
"""

from .findings import Findings
from .flac_audit import flac_audit
from .iff_audit import iff_audit
from .ogg_audit import ogg_audit
from .recordings import Request
from .riff_audit import riff_audit

_AUDITS = (riff_audit, iff_audit, flac_audit, ogg_audit)


def audit(request: Request) -> Findings:
    """What the container of an audio file says of itself, and where that does not hold.

    Raises InputError for a file in which there are no samples, or at which libsndfile would not come back.
    """
    findings = Findings(request)
    with open(request.path, "rb") as file:
        head = file.read(64)
        findings.known = any(look(file, head, findings) for look in _AUDITS)
    return findings
