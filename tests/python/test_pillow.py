"""Pillow's plugin: open, save, draft, metadata."""
import io

import numpy
import pytest

PIL = pytest.importorskip('PIL')
from PIL import Image, ImageCms  # noqa: E402

import compass  # noqa: E402
import compass.pillow  # noqa: E402, F401  (registers the format)
from conftest import picture  # noqa: E402


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, 'COMPASS', **options)
    return out.getvalue()


def test_saves_and_opens(pixels, tmp_path):
    path = tmp_path / 'x.cmps'
    Image.fromarray(pixels).save(path, quality=80, effort=0)
    assert path.read_bytes() == compass.encode(pixels, 80, effort=0)
    with Image.open(path) as image:
        assert image.format == 'COMPASS'
        assert (image.mode, image.size) == ('RGB', (67, 45))
        assert image.info['layers'] == [(16, 11), (33, 22), (67, 45)]
        assert image.info['quality'] == 80
        assert Image.MIME[image.format] == 'image/x-compass'
        assert numpy.array_equal(numpy.asarray(image), compass.decode(path.read_bytes()))


def test_draft_decodes_only_the_layer_it_takes(pixels):
    data = compass.encode(pixels)
    info = compass.read_info(data)
    for size, layer in (((10, 10), 0), ((16, 11), 0), ((17, 11), 1), ((60, 40), 2), ((500, 500), 2)):
        # Nothing behind the layer is there to be read.
        with Image.open(io.BytesIO(data[:info.layers[layer].end])) as image:
            image.draft('RGB', size)
            assert image.size == info.layers[layer][:2]
            assert numpy.array_equal(numpy.asarray(image), compass.decode(data, layer=layer))


def test_thumbnail(pixels):
    data = compass.encode(pixels)
    cut = data[:compass.read_info(data).layers[1].end]
    with Image.open(io.BytesIO(cut)) as image:
        image.thumbnail((15, 10))
        assert image.size == (15, 10)


def test_metadata_goes_along(pixels):
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[271] = 'maker'
    with Image.open(io.BytesIO(saved(image, exif=exif, xmp=b'<x/>'))) as opened:
        assert opened.getexif()[271] == 'maker'
        assert opened.info['xmp'] == b'<x/>'
        again = saved(opened, exif=opened.info['exif'])
    with Image.open(io.BytesIO(again)) as opened:
        assert opened.getexif()[271] == 'maker'


def test_modes(pixels):
    rgb = Image.fromarray(pixels)
    grey = rgb.convert('L')
    assert saved(grey) == compass.encode(numpy.asarray(grey))
    palette = rgb.convert('P')
    assert saved(palette) == compass.encode(numpy.asarray(palette.convert('RGB')))


def test_another_profile_is_converted_to_srgb(pixels):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB'))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB'))
    image = Image.fromarray(pixels)
    image.info['icc_profile'] = srgb.tobytes()
    with Image.open(io.BytesIO(saved(image))) as opened:
        assert opened.info['original_icc_profile'] == srgb.tobytes()
        assert 'icc_profile' not in opened.info
    image.info['icc_profile'] = lab.tobytes()
    with pytest.raises(OSError, match='profile'):
        saved(image)


def test_what_is_no_picture_is_left_to_others(pixels):
    data = compass.encode(pixels)
    for bad in (b'', b'\xc3MP', data[:20], b'\xc3MP' + bytes(60)):
        with pytest.raises(Image.UnidentifiedImageError):
            Image.open(io.BytesIO(bad))
    with Image.open(io.BytesIO(data[:-1])) as image, pytest.raises(OSError, match='layer 2'):
        image.load()
    with pytest.raises(OSError, match='quality'):
        saved(Image.fromarray(picture(5, 5)), quality=500)
