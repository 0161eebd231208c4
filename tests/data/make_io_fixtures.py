"""Makes the small files in tests/data/io that the tests of src/io read: arrays as NumPy and pictures as Pillow save them.

Run: python tests/data/make_io_fixtures.py  (needs numpy and pillow; the files are committed)
"""
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent / "io"
FOLDER.mkdir(exist_ok=True)

# Every element is index - 3, or index where the type has no sign; the tests compute the same.
TYPES = ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", "|i1", "<i2", "<i4", "<i8", ">i2", ">i4", ">i8",
         "|u1", "<u2", "<u4", "<u8", ">u2", ">u8", "|b1"]
for text in TYPES:
    dtype = np.dtype(text)
    start = -3 if dtype.kind in "fi" else 0
    array = np.arange(start, start + 6).reshape(2, 3).astype(dtype)
    name = text.replace("<", "little_").replace(">", "big_").replace("|", "")
    np.save(FOLDER / f"{name}.npy", array)

cube = np.arange(24, dtype="<f4").reshape(2, 3, 4)
np.save(FOLDER / "fortran.npy", np.asfortranarray(cube))
np.save(FOLDER / "scalar.npy", np.float64(2.5))
np.save(FOLDER / "empty.npy", np.zeros((0, 3), dtype="<f4"))
np.save(FOLDER / "half_special.npy",
        np.array([0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 65504, np.inf, -np.inf, np.nan, 1 / 3], dtype="<f2"))
np.save(FOLDER / "object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
np.save(FOLDER / "complex.npy", np.zeros(2, dtype="<c8"))
np.save(FOLDER / "structured.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
with open(FOLDER / "version2.npy", "wb") as file:
    np.lib.format.write_array(file, cube, version=(2, 0))

np.savez(FOLDER / "stored.npz", first=cube, second=np.arange(5), name=np.array("grüße"))
np.savez_compressed(FOLDER / "deflated.npz", first=cube, second=np.zeros(5000))

pixels = np.zeros((4, 6, 3), dtype=np.uint8)
pixels[..., 0] = np.arange(6) * 40  # red grows to the right
pixels[..., 1] = (np.arange(4) * 60)[:, None]  # green grows downwards
pixels[..., 2] = 7
picture = Image.fromarray(pixels)
for name in ["picture.png", "picture.bmp", "picture.ppm"]:
    picture.save(FOLDER / name)
picture.convert("L").save(FOLDER / "grey.pgm")
picture.quantize(24).save(FOLDER / "palette.png")
with_alpha = picture.copy()
with_alpha.putalpha(Image.fromarray(pixels[..., 0]))
with_alpha.save(FOLDER / "alpha.png")
Image.fromarray(pixels[..., 0] >= 120).save(FOLDER / "bits.png")
Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(FOLDER / "deep.png")


def write_interlaced(path, rgb):
    """Adam7, which Pillow cannot write."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width = rgb.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [rgb[y::dy, x::dx] for y, x, dy, dx in passes]
    lines = b"".join(b"\0" + row.tobytes() for part in parts if part.shape[1] for row in part)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
                     + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


write_interlaced(FOLDER / "interlaced.png", pixels)
Image.new("RGB", (16, 16), (200, 100, 50)).save(FOLDER / "flat.jpg", quality=95)
Image.new("RGB", (16, 16), (200, 100, 50)).save(FOLDER / "progressive.jpg", quality=95, progressive=True)
Image.new("L", (16, 16), 120).save(FOLDER / "grey.jpg", quality=95)
Image.new("CMYK", (16, 16), (55, 155, 205, 0)).save(FOLDER / "print.jpg", quality=95)
Image.fromarray(pixels[..., 0]).resize((3, 2), Image.BILINEAR).save(FOLDER / "red_3x2.pgm")
Image.fromarray(pixels[..., 0]).save(FOLDER / "red.pgm")
