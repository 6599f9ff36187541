"""Several files that are replaced together."""

import os
import shutil
import tempfile
from pathlib import Path


def replace_files(folder, texts):
    """Write texts by the paths of their files in a folder: all of them, or none.

    They are written in a folder of their own inside, and then moved to their places.

    Raises
    ------
    OSError
        If something cannot be written; what there was is still there.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file, and no folder to write into.")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in texts:
            if (folder / name).is_dir():
                raise IsADirectoryError(f"{folder / name} is a folder, and no file to replace.")
            for parent in (folder / name).relative_to(folder).parents:
                if (folder / parent).exists() and not (folder / parent).is_dir():
                    raise NotADirectoryError(f"{folder / parent} is a file, and no folder.")
        with tempfile.TemporaryDirectory(prefix=".skfastgrnn-", dir=folder) as temporary:
            for name, text in texts.items():
                path = Path(temporary, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "w", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
            for name in texts:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
            for name in texts:
                os.replace(Path(temporary, name), folder / name)
    except BaseException:
        if made and made[-1].is_dir():
            shutil.rmtree(made[-1], ignore_errors=True)
        raise
