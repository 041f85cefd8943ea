"""Alpha, grey, 16 bits and own colours through the module `compass` and Pillow's plugin."""
import io

import numpy
import pytest

import compass
from conftest import picture
from test_compass import refused


def alpha_of(height, width):
    plane = numpy.full((height, width), 255, numpy.uint8)
    plane[:, : width // 3] = 0
    plane[: height // 4] = numpy.arange(width) % 256
    return plane


@pytest.fixture
def alpha(pixels):
    return alpha_of(*pixels.shape[:2])


def test_alpha_comes_back_without_loss(pixels, alpha, model):
    data = compass.encode(numpy.dstack((pixels, alpha)), quality=90, model=model)
    assert compass.read_info(data)[3:] == (True, False, False, False)
    decoded = compass.decode(data)
    assert decoded.shape == (45, 67, 4) and decoded.dtype == numpy.uint8
    assert numpy.array_equal(decoded[..., 3], alpha)
    assert compass.decode(data, layer=0).shape == (11, 16, 4)
    assert compass.decode(data, size=(100, 50)).shape == (50, 100, 4)
    part = compass.decode(data, region=(5, 4, 30, 20))
    assert numpy.array_equal(part[..., 3], alpha[4:24, 5:35])
    opaque = numpy.dstack((pixels, numpy.full_like(alpha, 255)))
    assert compass.encode(opaque, model=model) == compass.encode(pixels, model=model)
    assert compass.decode(compass.encode(opaque, model=model)).shape == (45, 67, 3)


def test_sixteen_bits(pixels, alpha, model):
    deep = pixels.astype(numpy.uint16) * 200 + 7
    data = compass.encode(deep, model=model)
    assert compass.read_info(data).deep
    for same in (deep.astype('>u2'), numpy.asfortranarray(deep), numpy.dstack((deep, deep))[..., 3:]):
        assert compass.encode(same, model=model) == data
    fine, coarse = compass.decode(data, dtype=numpy.uint16), compass.decode(data)
    assert fine.dtype == numpy.uint16 and coarse.dtype == numpy.uint8
    assert abs(fine.astype(int) - coarse.astype(int) * 257).max() <= 129
    assert (fine % 257 != 0).any()
    both = compass.encode(numpy.dstack((deep, alpha.astype(numpy.uint16) * 257)), model=model)
    assert numpy.array_equal(compass.decode(both, dtype='uint16')[..., 3], alpha.astype(numpy.uint16) * 257)
    # A file of 8 bits gives 16, too.
    assert (compass.decode(compass.encode(pixels, model=model), dtype=numpy.uint16) % 257 != 0).any()
    assert 'float32' in refused(compass.Status.USAGE, compass.decode, data, dtype=numpy.float32)


def test_grey(pixels, alpha, model):
    grey = pixels[..., 0]
    data = compass.encode(grey, model=model)
    assert compass.read_info(data)[3:] == (False, True, False, False)
    assert compass.encode(grey[..., None], model=model) == data
    decoded = compass.decode(data)
    assert decoded.shape == (45, 67, 3)
    assert numpy.array_equal(decoded[..., 0], decoded[..., 1]) and numpy.array_equal(decoded[..., 0], decoded[..., 2])
    both = compass.encode(numpy.dstack((grey, alpha)), model=model)
    assert compass.read_info(both)[3:] == (True, True, False, False)
    assert numpy.array_equal(compass.decode(both)[..., 3], alpha)


def test_own_colours_need_their_profile(pixels, model):
    data = compass.encode(pixels, icc=b'profile', own_colours=True, model=model)
    assert compass.read_info(data).own_colours
    assert numpy.array_equal(compass.decode(data), compass.decode(compass.encode(pixels, model=model)))
    refused(compass.Status.USAGE, compass.encode, pixels, own_colours=True, model=model)


def test_the_command_writes_the_same_file(pixels, alpha, model, command, tmp_path):
    rgba = numpy.dstack((pixels, alpha))
    (tmp_path / 'in.pam').write_bytes(b'P7\nWIDTH 67\nHEIGHT 45\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n' + rgba.tobytes())
    data = compass.encode(rgba, model=model)
    (tmp_path / 'x.cmps').write_bytes(data)
    command('decode', 'x.cmps', 'out.pam')
    assert (tmp_path / 'out.pam').read_bytes().endswith(compass.decode(data).tobytes())
    (tmp_path / 'in.ppm').write_bytes(b'P6 67 45 65535\n' + (pixels.astype(numpy.uint16) * 200).astype('>u2').tobytes())
    command('encode', 'in.ppm', 'out.cmps')
    assert (tmp_path / 'out.cmps').read_bytes() == compass.encode(pixels.astype(numpy.uint16) * 200, model=model)
    (tmp_path / 'in.pgm').write_bytes(b'P5 67 45 255\n' + pixels[..., 0].tobytes())
    command('encode', 'in.pgm', 'out.cmps')
    assert (tmp_path / 'out.cmps').read_bytes() == compass.encode(pixels[..., 0], model=model)


class TestPillow:
    @pytest.fixture(autouse=True)
    def modules(self, model):
        pytest.importorskip('PIL')
        import compass.pillow  # noqa: F401  (registers the format)
        from PIL import Image, ImageCms
        self.Image, self.ImageCms = Image, ImageCms

    def opened(self, image, **options):
        out = io.BytesIO()
        image.save(out, 'COMPASS', **options)
        return self.Image.open(out)

    def test_modes_come_back(self, pixels, alpha):
        rgb = self.Image.fromarray(pixels)
        rgba = self.Image.fromarray(numpy.dstack((pixels, alpha)))
        for image in (rgb, rgba, rgb.convert('L'), rgba.convert('LA')):
            with self.opened(image) as again:
                assert (again.mode, again.size) == (image.mode, image.size)
                again.load()
                if 'A' in image.mode:
                    assert numpy.array_equal(numpy.asarray(again.getchannel('A')), alpha)

    def test_sixteen_bit_grey(self, pixels):
        deep = pixels[..., 0].astype(numpy.uint16) * 200
        with self.opened(self.Image.fromarray(deep), quality=90) as again:
            assert again.mode == 'I;16'
            samples = numpy.asarray(again)
        assert samples.dtype == numpy.uint16
        assert numpy.array_equal(samples, compass.decode(compass.encode(deep, 90), dtype=numpy.uint16)[..., 0])

    def test_grey_of_32_bits_is_16_bits_or_refused(self, pixels):
        deep = pixels[..., 0].astype(numpy.int32) * 200  # as some versions of Pillow open PNGs of 16-bit grey
        image = self.Image.fromarray(deep)
        assert image.mode == 'I'
        plain, _ = compass.pillow.in_srgb(image)
        assert plain.mode == 'I;16' and numpy.array_equal(numpy.asarray(plain), deep)
        image.info['transparency'] = int(deep[3, 5])
        plain, _ = compass.pillow.in_srgb(image)
        assert plain.mode == 'LA'
        assert numpy.array_equal(numpy.asarray(plain)[..., 1] == 0, deep == deep[3, 5])
        for wrong in (deep - 1 - deep.min(), deep + 65536):
            with pytest.raises(OSError, match='0 to 65535'):
                compass.pillow.in_srgb(self.Image.fromarray(wrong))
        with pytest.raises(OSError, match='mode F'):
            compass.pillow.in_srgb(self.Image.fromarray(deep.astype(numpy.float32)))

    def test_transparent_palettes_have_alpha(self, pixels):
        palette = self.Image.fromarray(pixels).convert('P')
        palette.info['transparency'] = int(numpy.asarray(palette)[0, 0])
        with self.opened(palette) as again:
            assert again.mode == 'RGBA'
            assert numpy.array_equal(numpy.asarray(again)[..., 3], numpy.asarray(palette.convert('RGBA'))[..., 3])

    def test_drafts_have_alpha(self, pixels, alpha):
        data = compass.encode(numpy.dstack((pixels, alpha)))
        with self.Image.open(io.BytesIO(data[:compass.read_info(data).layers[0].end])) as image:
            image.draft('RGB', (10, 10))
            assert numpy.array_equal(numpy.asarray(image), compass.decode(data, layer=0))

    def test_profiles_leave_alpha_alone(self, pixels, alpha):
        rgba = self.Image.fromarray(numpy.dstack((pixels, alpha)))
        rgba.info['icc_profile'] = self.ImageCms.ImageCmsProfile(self.ImageCms.createProfile('sRGB')).tobytes()
        with self.opened(rgba) as again:
            assert again.mode == 'RGBA'
            assert numpy.array_equal(numpy.asarray(again.getchannel('A')), alpha)
            assert 'icc_profile' not in again.info

    def test_a_profile_is_kept_if_asked(self, pixels):
        profile = self.ImageCms.ImageCmsProfile(self.ImageCms.createProfile('sRGB')).tobytes()
        image = self.Image.fromarray(pixels)
        image.info['icc_profile'] = profile
        with self.opened(image, keep_profile=True) as again:
            assert again.info['icc_profile'] == profile
            assert 'original_icc_profile' not in again.info
            assert numpy.array_equal(numpy.asarray(again), compass.decode(compass.encode(pixels)))
        grey = image.convert('L')
        grey.info['icc_profile'] = profile
        with pytest.raises(OSError, match='mode L'):
            self.opened(grey, keep_profile=True)


def test_small_pictures_of_all_kinds(model):
    for height, width in ((1, 1), (1, 9), (7, 3)):
        for channels in (1, 2, 3, 4):
            for dtype in (numpy.uint8, numpy.uint16):
                pixels = numpy.resize(picture(width, height), (height, width, channels)).astype(dtype)
                decoded = compass.decode(compass.encode(pixels, sizes=[(width, height)], model=model), dtype=dtype)
                assert decoded.shape[:2] == (height, width) and decoded.dtype == dtype
                if channels % 2 == 0 and dtype == numpy.uint8 and decoded.shape[2] == 4:
                    assert numpy.array_equal(decoded[..., 3], pixels[..., -1])
