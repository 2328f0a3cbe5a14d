"""Imported by commands first of all, so that they start sooner.

Wherever notebooks are read, jsonschema builds parsers of formats that notebooks do not have: one or two
seconds at each start, unless the package that needs them seems not to be there.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
