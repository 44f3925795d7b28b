"""A virtual environment per peer, made once below .benchmark/ in the checkout.

TensorFlow, gRPC and NumPy come from the project's own environment, which each of them
looks into after its own packages; only what the peer adds is installed.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
REQUIREMENTS = Path(__file__).with_name("requirements")


def peer_python(name):
    """The interpreter of the peer's environment, made now if it is missing or old.

    Raises:
        CalledProcessError: The packages do not install.
    """
    folder = ROOT / ".benchmark" / name
    wanted = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    python, done = folder / "bin" / "python", folder / "installed.txt"
    if done.is_file() and done.read_text(encoding="utf-8") == wanted:
        return python
    venv.create(folder, clear=True, with_pip=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shared = folder / "lib" / version / "site-packages" / "shared.pth"
    shared.write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run(
        [*install, "-r", REQUIREMENTS / f"{name}.txt"], check=True, timeout=600
    )
    done.write_text(wanted, encoding="utf-8")
    return python
