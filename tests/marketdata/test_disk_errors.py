import errno
import os

import pytest

from marketdata.disk_errors import disk_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EACCES, "not allowed"),
        (errno.EPERM, "not allowed"),
        (errno.EROFS, "the disk is read-only"),
        (errno.ETIMEDOUT, "too slow: the disk did not answer in time"),
        (errno.ENOENT, "No such file or directory"),
    ],
)
def test_no_space_not_allowed_and_too_slow_are_three_things(number, words):
    assert disk_words(OSError(number, os.strerror(number), "/data/x")) == f"{words}: /data/x"


def test_an_error_of_no_file_is_in_its_own_words():
    assert disk_words(OSError("the disk is odd")) == "the disk is odd"
    assert disk_words(OSError()) == "OSError"
