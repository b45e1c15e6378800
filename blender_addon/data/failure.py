# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that artists are shown."""


class Failure(Exception):  # noqa: N818 - what happened, in the artist's words
    """Something cannot be done; `str(error)` is one sentence that says what to do."""
