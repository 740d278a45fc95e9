"""Which BLAS PyTorch's matrix products run on; its linear layers are as fast as that is."""
import ctypes
import pathlib
import re

REFERENCE = "reference BLAS"
WAY_OUT = ("PyTorch runs on the reference BLAS, whose matrix products are many times slower "
           "than those of a tuned one; install libopenblas0-pthread by "
           "scripts/setup --with-torch, and see `update-alternatives --display "
           "libblas.so.3-x86_64-linux-gnu`")

# A function that only this library has, and which returns its version as a text.
VERSIONS = {"OpenBLAS": "openblas_get_config", "BLIS": "bli_info_get_version_str"}
# Functions that only these libraries have.
MARKS = {"MKL": "MKL_Get_Version", "ATLAS": "ATL_buildinfo"}


class SymbolPlace(ctypes.Structure):
    """What dladdr tells (Dl_info)."""
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p),
                ("name", ctypes.c_char_p), ("address", ctypes.c_void_p)]


def mapped_file(name):
    """The first file of this process whose path holds `name`, or None."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return next((line.split(maxsplit=5)[5] for line in lines if name in line), None)


def file_that_defines(function, library):
    """The file whose `function` the library calls, or None."""
    try:
        address = ctypes.cast(ctypes.CDLL(library)[function], ctypes.c_void_p)
    except AttributeError:
        return None
    place = SymbolPlace()
    ctypes.CDLL(None).dladdr(address, ctypes.byref(place))
    return str(pathlib.Path(place.file.decode()).resolve())


def name_of(file):
    """Name, version where it tells one, of the BLAS in a library's file."""
    library = ctypes.CDLL(file)
    for name, function in VERSIONS.items():
        if hasattr(library, function):
            version = library[function]
            version.restype = ctypes.c_char_p
            number = re.search(r"\d+(\.\d+)+", version().decode())
            return f"{name} {number[0]}" if number else name
    for name, function in MARKS.items():
        if hasattr(library, function):
            return name
    number = re.search(r"\.so\.([\d.]+)$", file)
    return f"{REFERENCE} {number[1]}" if number else REFERENCE


def torch_blas(description):
    """The BLAS of PyTorch in this process, and the file it is in. `description` is that of
    torch.__config__.show(): some builds have MKL within."""
    library = mapped_file("libtorch_cpu")
    file = file_that_defines("sgemm_", library) if library else None
    if file and "libtorch" not in file:
        return name_of(file), file
    within = re.search(r"Math Kernel Library Version ([\d.]+)", description)
    return (f"MKL {within[1]}" if within else "a BLAS that is part of PyTorch"), file or library
