"""What a disk's error means to whoever has to do something about it. Standard library only."""

from __future__ import annotations

import errno

_WORDS = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "no space left"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "not allowed"),
    errno.EROFS: "the disk is read-only",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "too many open files"),
    **dict.fromkeys((errno.ETIMEDOUT, errno.EAGAIN), "too slow: the disk did not answer in time"),
    errno.EIO: "the disk fails",
}


def disk_words(error: OSError) -> str:
    """Return what is wrong in the words of a person, and with which file."""
    words = _WORDS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    return words if error.filename is None else f"{words}: {error.filename}"
