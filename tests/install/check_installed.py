"""What is installed, used as a stranger would: examples, pkg-config, exported symbols.

    check_installed.py PREFIX BUILD MODEL SOURCE NM CXX
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

PREFIX, BUILD, MODEL, SOURCE, NM, CXX = sys.argv[1:7]


def run(*command, stdin=b"", code=0, env=None, cwd=None):
    done = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, cwd=cwd, env={**os.environ, **(env or {})})
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stderr.decode()}{done.stdout.decode()}"
    return done


def compass(*arguments):
    run(f"{PREFIX}/bin/compass", *arguments, "--quiet", env={"COMPASS_MODEL_PATH": MODEL})


def read(path):
    with open(path, "rb") as file:
        return file.read()


def check_examples(folder):
    compass("decode", f"{BUILD}/../photo.cmps", f"{folder}/photo.ppm")
    ppm = read(f"{folder}/photo.ppm")
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", ppm)
    ppm = b"P6 %s %s 255\n" % header.groups() + ppm[header.end():]
    run(f"{BUILD}/encode", MODEL, "made.cmps", stdin=ppm, cwd=folder)
    shown = run(f"{BUILD}/decode_progressively", MODEL, stdin=read(f"{folder}/made.cmps"), cwd=folder).stdout
    assert shown.count(b"\n") == 3, shown
    for layer in range(3):
        compass("decode", f"{folder}/made.cmps", f"{folder}/layer.ppm", "--layer", layer)
        assert pixels(f"{folder}/layer.ppm") == pixels(f"{folder}/shown-{layer}.ppm"), layer
    with open(f"{folder}/thumbnail.ppm", "wb") as out:
        said = subprocess.run([f"{BUILD}/thumbnail", MODEL, f"{folder}/made.cmps", "40", "30"], stdout=out,
                              stderr=subprocess.PIPE, check=True).stderr
    taken = int(re.search(rb"first (\d+) bytes", said).group(1))
    whole = os.path.getsize(f"{folder}/made.cmps")
    assert 0 < taken < whole, (taken, whole)
    with open(f"{folder}/cut.cmps", "wb") as out:
        out.write(read(f"{folder}/made.cmps")[:taken])
    compass("decode", f"{folder}/made.cmps", f"{folder}/small.ppm", "--size", "40x30")
    assert pixels(f"{folder}/small.ppm") == pixels(f"{folder}/thumbnail.ppm")
    cut = run(f"{BUILD}/thumbnail", MODEL, f"{folder}/cut.cmps", 40, 30).stdout
    assert cut == read(f"{folder}/thumbnail.ppm")  # and it reads no more than it says
    listed = run(f"{BUILD}/read_metadata", f"{folder}/made.cmps").stdout
    assert listed.count(b"layer") == 3, listed
    # To a size that a model with qualities has; the tests' own has them, too.
    target = whole * 5 // 4
    run(f"{BUILD}/encode", MODEL, "target.cmps", target, stdin=ppm, cwd=folder)
    assert os.path.getsize(f"{folder}/target.cmps") <= target
    assert run(f"{BUILD}/read_metadata", "missing", code=2).stderr


def pixels(path):
    data = read(path)
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    return header.groups(), data[header.end():]


def check_pkg_config(folder):
    places = glob.glob(f"{PREFIX}/lib*/**/pkgconfig/compass.pc", recursive=True)
    assert len(places) == 1, places
    env = {"PKG_CONFIG_PATH": os.path.dirname(places[0])}
    library = os.path.dirname(os.path.dirname(places[0]))
    for kind in ([], ["--static"]):
        said = run("pkg-config", *kind, "--cflags", "--libs", "compass", env=env).stdout.decode().split()
        if kind:  # the archive, not the library beside it
            said = [f"{library}/libcompass.a" if flag == "-lcompass" else flag for flag in said]
        program = f"{folder}/use_c{len(kind)}"
        run(CXX, "-x", "c++", f"{SOURCE}/tests/install/use_c.c", "-x", "none", "-o", program, *said)
        run(program, MODEL, env={"LD_LIBRARY_PATH": library})
    assert run("pkg-config", "--modversion", "compass", env=env).stdout


def check_web():
    """Pages find all that they load, if what is built for WebAssembly is there."""
    package = f"{SOURCE}/build/wasm/package"
    if os.path.exists(f"{package}/compass.wasm.gz"):
        missing = set(os.listdir(package)) - set(os.listdir(f"{PREFIX}/share/compass/web")) - {"LICENSE"}
        assert not missing, missing


def check_symbols():
    """The library shows what its header declares, and nothing else."""
    header = read(f"{PREFIX}/include/compass/compass.h").decode()
    declared = set(re.findall(r"COMPASS_API\s[^;(]*?\b(compass_\w+)\(", header))
    assert len(declared) > 30, declared
    library = glob.glob(f"{PREFIX}/lib*/**/libcompass.so", recursive=True)[0]
    listed = run(NM, "-D", "--defined-only", library).stdout.decode().splitlines()
    exported = {line.split()[-1].split("@")[0] for line in listed}
    assert exported == declared, (sorted(exported - declared), sorted(declared - exported))


with tempfile.TemporaryDirectory() as scratch:
    check_examples(scratch)
    check_pkg_config(scratch)
    check_web()
    check_symbols()
