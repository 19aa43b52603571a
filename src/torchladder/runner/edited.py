"""Files of the program that an experiment runs in another text, which the disk never holds.

The text is put where the sandbox looks for what the program itself changed, so that the script, and
whatever reads its source, finds it; imports open files past the sandbox and are told of it here.
"""

from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from torchladder.core.encoded import encoding_of

FILES = "overlay/files"


def put(texts: Mapping[str, str], scratch: str, cwd: str) -> None:
    """Lay other texts of some files of the working folder, before an experiment in ``scratch`` begins."""
    for path, text in texts.items():
        real = (Path(cwd) / path).resolve()
        file = _in_layer(real, scratch)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode(encoding_of(real)))


def import_from(scratch: str) -> None:
    """Let imports of this process find the texts that were laid, if there are any."""
    layer = Path(scratch, FILES)
    # Only what lies there now is ours: the program may come to write modules itself.
    laid = {str(f.resolve()) for f in layer.rglob("*.py")} if layer.is_dir() else set()
    if not laid:
        return
    load = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        name = str(self.get_filename(fullname))
        file = _in_layer(Path(name).resolve(), scratch)
        if str(file) not in laid:
            return load(self, fullname)
        code: CodeType = compile(file.read_bytes(), name, "exec", dont_inherit=True)
        return code

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]


def _in_layer(real: Path, scratch: str) -> Path:
    return Path(f"{Path(scratch).resolve()}/{FILES}{real}")
