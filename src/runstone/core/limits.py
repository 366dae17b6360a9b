"""Every limit of the format, once (`docs/format/bundle-1.md`, section 6)."""

from __future__ import annotations

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest magnitude of an integer in I-JSON (RFC 7493, section 2.2)."""

MAX_LINE_BYTES = 8 * 1024 * 1024
"""One journal line, LF included (`too_large`)."""

MAX_DEPTH = 64
"""Nesting of arrays and objects (`too_deep`)."""

MAX_KEY_BYTES = 1024
"""One object key in UTF-8 (`too_large`)."""

MAX_LABELS = 64
MAX_LABEL_NAME_BYTES = 64
MAX_LABEL_VALUE_BYTES = 1024

MAX_FILES = 100_000
"""Files of one bundle, the manifest not counted (`too_large`)."""

MAX_MANIFEST_BYTES = 32 * 1024 * 1024
MAX_DOCUMENT_BYTES = 256 * 1024 * 1024

MAX_PATH_BYTES = 1024
MAX_COMPONENT_BYTES = 255
MAX_RUN_ID_LENGTH = 128

MAX_HELD_OUTPUT_BYTES = 64 * 1024
"""Tail of a wrapped command's output that may wait for a safe boundary."""

MAX_ARCHIVE_RECORDS = 400_000
"""Headers of one archive: files, folders and records that carry a name (`invalid_archive`)."""

MAX_NAME_RECORD_BYTES = 64 * 1024
"""One record of an archive that carries a long name or attributes (`invalid_archive`)."""

MAX_UNPACKED_BYTES = 16 * 1024 * 1024 * 1024
"""What the compressed members of one archive unpack to (`invalid_archive`)."""

MAX_UNPACK_RATIO = 200
"""Unpacked bytes for each byte of the archive (`invalid_archive`), looked at past the next figure only."""

MIN_RATIO_BYTES = 16 * 1024 * 1024
"""Unpacked size up to which any ratio is fine: a small text of one word repeated is no attack."""
