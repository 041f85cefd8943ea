"""The module `compass`: arrays in and out, layers, regions, metadata, errors, threads."""
import concurrent.futures
import mmap
import pickle

import numpy
import pytest

import compass
from conftest import TINY, picture


def refused(status, call, *arguments, **options):
    with pytest.raises(compass.Error) as caught:
        call(*arguments, **options)
    assert caught.value.status == status
    message = str(caught.value)
    assert message and '\n' not in message
    return message


def test_a_picture_comes_back(pixels, model):
    data = compass.encode(pixels, quality=90, model=model)
    assert isinstance(data, bytes)
    info = compass.read_info(data)
    assert [layer[:2] for layer in info.layers] == [(16, 11), (33, 22), (67, 45)]
    assert info.size == (67, 45)
    assert info.layers[-1].end == len(data)
    assert info.layers[1].offset == info.layers[0].end
    assert model.decoder_id == info.decoder and len(model.id) == 16
    decoded = compass.decode(data)
    assert decoded.shape == pixels.shape and decoded.dtype == numpy.uint8
    assert decoded.flags.writeable
    # Decoding is deterministic, and a prefix is the smaller picture.
    assert numpy.array_equal(decoded, compass.decode(data, layer=2, threads=2))
    small = compass.decode(data[:info.layers[0].end], layer=0)
    assert small.shape == (11, 16, 3)
    assert numpy.array_equal(small, compass.decode(data, layer=0))


def test_the_command_writes_the_same_file_and_picture(pixels, model, command, tmp_path):
    (tmp_path / 'in.ppm').write_bytes(b'P6 67 45 255\n' + pixels.tobytes())
    for options, words in [({}, []), ({'quality': 20, 'sizes': [(20, 20), (67, 45)], 'effort': 0},
                                      ['-q', '20', '--sizes', '20x20,67x45', '--effort', '0'])]:
        command('encode', 'in.ppm', 'out.cmps', *words)
        data = (tmp_path / 'out.cmps').read_bytes()
        assert compass.encode(pixels, model=model, **options) == data
        for layer in range(len(compass.read_info(data).layers)):
            command('decode', 'out.cmps', 'out.ppm', '--layer', layer)
            decoded = compass.decode(data, layer=layer)
            assert (tmp_path / 'out.ppm').read_bytes().endswith(decoded.tobytes())


@pytest.mark.parametrize('width,height', [(1, 1), (1, 9), (70, 2), (33, 64)])
def test_any_size(width, height, model):
    pixels = picture(width, height)
    decoded = compass.decode(compass.encode(pixels, sizes=[(width, height)], model=model))
    assert decoded.shape == (height, width, 3)


def test_arrays_of_any_layout(pixels, model):
    want = compass.encode(pixels, model=model)
    wide = numpy.zeros((45, 90, 4), numpy.uint8)
    wide[:, 10:77, :3] = pixels
    padded = numpy.zeros((45, 80, 3), numpy.uint8)
    padded[:, :67] = pixels
    for same in (numpy.asfortranarray(pixels), wide[:, 10:77, :3], padded[:, :67], pixels[::-1].copy()[::-1],
                 pixels[:, :, ::-1].copy()[:, :, ::-1], pixels.tolist() and numpy.array(pixels.tolist(), numpy.uint8),
                 memoryview(pixels)):
        assert compass.encode(same, model=model) == want
    grey = numpy.ascontiguousarray(pixels[:, :, 0])
    data = compass.encode(grey, model=model)
    assert data == compass.encode(grey[:, :, None], model=model)
    assert compass.read_info(data).grey


def test_sizes_and_regions(pixels, model):
    data = compass.encode(pixels, model=model)
    whole = compass.decode(data)
    assert compass.decode(data, size=(100, 31)).shape == (31, 100, 3)
    part = compass.decode(data, region=(60, 40, 7, 5))
    assert part.shape == (5, 7, 3)
    assert numpy.abs(part.astype(int) - whole[40:, 60:].astype(int)).max() <= 1
    assert 'region' in refused(compass.Status.USAGE, compass.decode, data, region=(61, 40, 7, 5))


def test_data_of_any_kind(pixels, model, tmp_path):
    data = compass.encode(pixels, model=model)
    want = compass.decode(data)
    path = tmp_path / 'x.cmps'
    path.write_bytes(data)
    with open(path, 'rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for same in (bytearray(data), memoryview(data), numpy.frombuffer(data, numpy.uint8), mapped):
            assert numpy.array_equal(compass.decode(same), want)
            assert compass.read_info(same) == compass.read_info(data)
    with pytest.raises(TypeError):
        compass.decode(memoryview(data)[::2])
    with pytest.raises(TypeError):
        compass.decode('photo.cmps')


def test_metadata(pixels, model):
    exif, icc = b'II*\0\x08\0\0\0\0\0\0\0\0\0', b'profile'
    data = compass.encode(pixels, exif=exif, icc=icc, xmp=b'<x/>', model=model)
    head = data[:compass.read_info(data).layers[0].offset]
    assert compass.read_metadata(head) == {'exif': exif, 'icc': icc, 'xmp': b'<x/>'}
    assert compass.read_metadata(compass.encode(pixels, model=model)) == {}
    refused(compass.Status.DAMAGED, compass.read_metadata, head[:-1])


def test_what_cannot_be_encoded_is_named(pixels, model):
    usage = compass.Status.USAGE
    assert 'float64' in refused(usage, compass.encode, pixels / 255, model=model)
    assert '(45, 67, 3, 1)' in refused(usage, compass.encode, pixels[..., None], model=model)
    assert '5' in refused(usage, compass.encode, numpy.zeros((4, 4, 5), numpy.uint8), model=model)
    assert '0x5' in refused(usage, compass.encode, numpy.zeros((5, 0, 3), numpy.uint8), model=model)
    refused(usage, compass.encode, pixels, quality=101, model=model)
    refused(usage, compass.encode, pixels, quality=float('nan'), model=model)
    refused(usage, compass.encode, pixels, effort=41, model=model)
    refused(usage, compass.encode, pixels, effort=1.5, model=model)
    refused(usage, compass.encode, pixels, threads=-1, model=model)
    refused(usage, compass.encode, pixels, max_memory=-1, model=model)
    refused(usage, compass.encode, pixels, sizes=[], model=model)
    refused(usage, compass.encode, pixels, sizes=[(67, 45), (20, 20)], model=model)
    assert 'sizes[0]' in refused(usage, compass.encode, pixels, sizes=[67, 45], model=model)
    refused(compass.Status.BAD_FILE, compass.encode, pixels, max_pixels=1000, model=model)


def test_what_cannot_be_decoded_is_named(pixels, model):
    data = compass.encode(pixels, model=model)
    refused(compass.Status.BAD_FILE, compass.decode, b'not a picture')
    refused(compass.Status.DAMAGED, compass.read_info, b'')
    assert 'bytes' in refused(compass.Status.DAMAGED, compass.read_info, data[:9])
    refused(compass.Status.USAGE, compass.decode, data, layer=3)
    refused(compass.Status.USAGE, compass.decode, data, layer=-1)
    refused(compass.Status.USAGE, compass.decode, data, size=(0, 5))
    refused(compass.Status.USAGE, compass.decode, data, size=(5, 5), layer=0)
    refused(compass.Status.USAGE, compass.decode, data, region=(0, 0, 0, 5))
    refused(compass.Status.BAD_FILE, compass.decode, data, max_pixels=1000)
    other = bytearray(data)
    other[4] ^= 255  # another decoder's id, and so another header checksum
    refused(compass.Status.BAD_FILE, compass.decode, other)
    refused(compass.Status.MODEL, compass.load_model, __file__)
    refused(compass.Status.IO, compass.load_model, '/nonexistent.safetensors')


def test_damage_is_an_error_unless_the_best_will_do(pixels, model):
    data = compass.encode(pixels, model=model)
    cut = data[:-1]
    assert 'layer 2' in refused(compass.Status.DAMAGED, compass.decode, cut)
    assert numpy.array_equal(compass.decode(cut, best=True), compass.decode(data, layer=1))
    refused(compass.Status.DAMAGED, compass.decode, data[:compass.read_info(data).layers[0].end - 1], best=True)


def test_threads_at_once(model):
    pictures = [picture(40 + 3 * i, 50 - 2 * i) for i in range(6)]
    files = [compass.encode(p, model=model, threads=1) for p in pictures]
    decoded = [compass.decode(f, threads=1) for f in files]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda p: compass.encode(p, model=model, threads=1), pictures * 3))
        assert again == files * 3
        for got, want in zip(pool.map(lambda f: compass.decode(f, threads=1), files * 3), decoded * 3):
            assert numpy.array_equal(got, want)


def test_numbers_that_are_none_are_named(pixels, model):
    for wrong in (float('nan'), float('inf'), 'many', []):
        for options in ({'effort': wrong}, {'threads': wrong}, {'max_pixels': wrong}, {'max_memory': wrong},
                        {'sizes': [(wrong, 4)]}, {'regions': [(0, 0, 4, 4, wrong)]}):
            refused(compass.Status.USAGE, compass.encode, pixels, model=model, **options)
    for wrong in ('many', None, [[1], [2, 3]], []):
        for name in ('quality', 'target_size', 'target_psnr'):
            if wrong is not None or name == 'quality':
                refused(compass.Status.USAGE, compass.encode, pixels, model=model, **{name: wrong})
    refused(compass.Status.USAGE, compass.encode, pixels, max_pixels=1.7)
    refused(compass.Status.USAGE, compass.encode, pixels, quality=float('nan'))


def test_errors_pass_from_process_to_process():
    error = pickle.loads(pickle.dumps(compass.Error(compass.Status.DAMAGED, 'cut off')))
    assert (error.status, str(error)) == (compass.Status.DAMAGED, 'cut off')


def test_models_are_read_once(model):
    assert compass.load_model(TINY) is model
    assert compass.load_model(str(TINY)) is model
    assert compass.load_model() is model  # COMPASS_MODEL_PATH names it
    assert 'tiny' in repr(model)


def test_models_have_names(monkeypatch):
    lite = compass.load_model('lite')  # comes with the package
    assert 'lite' in repr(lite) and compass.load_model('lite') is lite
    monkeypatch.setenv('COMPASS_MODEL_PATH', str(TINY.parent))
    assert compass.load_model('tiny') is compass.load_model(TINY)
    refused(compass.Status.IO, compass.load_model, 'none')


def test_high_qualities_have_their_own_model(monkeypatch, tmp_path, pixels):
    trellis = TINY.parent / 'tiny_trellis.safetensors'
    for name, file in (('lite', TINY), ('lite-hq', trellis)):
        (tmp_path / f'{name}.safetensors').write_bytes(file.read_bytes())
    monkeypatch.setenv('COMPASS_MODEL_PATH', str(tmp_path))
    low, high = (compass.load_model(name) for name in ('lite', 'lite-hq'))
    assert low.decoder_id != high.decoder_id

    def by(**wish):
        return compass.read_info(compass.encode(pixels, effort=0, **wish)).decoder

    assert by(quality=62.4) == by(quality=[80, 90, 50]) == low.decoder_id
    assert by(quality=62.5) == by(quality=[20, 30, 80]) == high.decoder_id
    assert by(quality=80, model=low) == low.decoder_id
    for quality, model in ((30, low), (80, high)):
        assert by(target_size=len(compass.encode(pixels, quality, effort=0, model=low))) == model.decoder_id
    region = (0, 0, 64, 45, -100)
    assert compass.encode(pixels, 80, effort=0, regions=iter([region])) == compass.encode(pixels, 80, effort=0, regions=[region])
    refused(compass.Status.USAGE, compass.encode, pixels, effort=0, target_psnr=99)
    refused(compass.Status.USAGE, compass.encode, pixels, effort=0, target_size=1)
    monkeypatch.setattr(compass._loading, '_models', {})  # each file was read
    (tmp_path / 'lite-hq.safetensors').write_bytes(b'damaged')  # what lite can do is not lost
    assert by(target_size=len(compass.encode(pixels, 80, effort=0, model=low))) == low.decoder_id
    # A trained model reaches what one of noise does not.
    (tmp_path / 'lite-hq.safetensors').write_bytes((TINY.parents[2] / 'models/lite.safetensors').read_bytes())
    assert by(target_psnr=30) == compass.load_model('lite-hq').decoder_id
    (tmp_path / 'lite-hq.safetensors').unlink()
    assert by(quality=80) == low.decoder_id


def test_layers_and_parts_have_their_own_quality(pixels, model):
    data = compass.encode(pixels, quality=[20, 50, 80], effort=0, model=model)
    assert [layer.quality for layer in compass.read_info(data).layers] == [20, 50, 80]
    assert compass.encode(pixels, quality=[50] * 3, effort=0, model=model) == compass.encode(pixels, effort=0, model=model)
    better = compass.encode(pixels, regions=[(0, 0, 64, 45, 100)], sizes=[(67, 45)], effort=0, model=model)
    assert better != compass.encode(pixels, sizes=[(67, 45)], effort=0, model=model)
    everywhere = compass.encode(pixels, regions=[(0, 0, 67, 45, 100)], sizes=[(67, 45)], effort=0, model=model)
    white = numpy.full((90, 134), 255, numpy.uint8)[::3, ::2]  # any size, any strides
    assert compass.encode(pixels, quality_map=white, sizes=[(67, 45)], effort=0, model=model) == everywhere
    usage = compass.Status.USAGE
    refused(usage, compass.encode, pixels, quality=[50, 50], model=model)
    refused(usage, compass.encode, pixels, quality=[], model=model)
    refused(usage, compass.encode, pixels, regions=[(0, 0, 68, 45, 1)], model=model)
    refused(usage, compass.encode, pixels, regions=[(0, 0, 9, 9)], model=model)
    refused(usage, compass.encode, pixels, regions=[(0, 0, 9, 9, 101)], model=model)
    refused(usage, compass.encode, pixels, quality_map=white / 255, model=model)
    refused(usage, compass.encode, pixels, quality_map=white, regions=[(0, 0, 9, 9, 1)], model=model)
