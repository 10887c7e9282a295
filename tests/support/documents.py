"""The documents of an endpoint that registers none."""

from resolvers.persisted import Documents
from resolvers.persisted_manifest import ManifestFile
from resolvers.persisted_steps import Steps


def documents_as_sent() -> Documents:
    """No manifest: every text runs, and texts sent with their hash are found again."""
    return Documents(ManifestFile(None), Steps({}), count_unknown=lambda _: None)
