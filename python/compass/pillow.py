"""Pillow reads and writes .cmps files:

    import compass.pillow
    from PIL import Image
    picture = Image.open('photo.cmps')       # picture.info['exif'], ['xmp'], ['layers']
    picture.draft('RGB', (300, 200))         # or picture.thumbnail(...): only the layer it takes is decoded
    picture.save('copy.cmps', quality=70, sizes=[(100, 75), (400, 300)], exif=picture.info.get('exif'))

Modes are RGB, RGBA, L and LA; I;16 of grey pictures of more than 8 bits without alpha. Pixels are sRGB. The colour profile
that a file may carry is the original's and no longer theirs, so that it is info['original_icc_profile'] and not
info['icc_profile'], unless the picture was saved with keep_profile=True, which leaves pixels in their profile's space.
"""
from __future__ import annotations

import io

import numpy
from PIL import Image, ImageCms, ImageFile

import compass

SIGNATURE = b'\xc3MP'
_HEADER_BYTES = 1024  # enough for most


def _accept(prefix):
    return prefix[:3] == SIGNATURE


def _mode_of(info):
    if info.grey and info.deep and not info.alpha:
        return 'I;16'
    return ('L' if info.grey else 'RGB') + ('A' if info.alpha else '')


class CompassImageFile(ImageFile.ImageFile):
    format = 'COMPASS'
    format_description = 'COMPASS, a scalable picture'

    def _open(self):
        head = self.fp.read(_HEADER_BYTES)
        while True:
            try:
                needed = compass._native.read_info(head)
            except compass.Error as error:
                raise SyntaxError(str(error)) from error
            if not isinstance(needed, int):
                break
            more = self.fp.read(needed - len(head))
            if not more:
                raise SyntaxError('ends inside the header')
            head += more
        self._info = compass.read_info(head)
        self._layer = len(self._info.layers) - 1
        first = self._info.layers[0].offset
        head += self.fp.read(max(0, first - len(head)))
        try:
            metadata = compass.read_metadata(head)
        except compass.Error:
            metadata = {}  # damaged: the picture can be whole
        names = {'icc': 'icc_profile' if self._info.own_colours else 'original_icc_profile', 'exif': 'exif', 'xmp': 'xmp', 'iptc': 'iptc'}
        self.info.update({names[kind]: value for kind, value in metadata.items()})
        self.info['layers'] = [(layer.width, layer.height) for layer in self._info.layers]
        self.info['quality'] = self._info.layers[-1].quality
        self._mode = _mode_of(self._info)
        if not isinstance(getattr(Image.Image, 'mode', None), property):  # Pillow before 10.1
            self.mode = self._mode
        self._take_layer(self._layer)
        self.tile = [('compass', (0, 0) + self.size, 0, None)]

    def _take_layer(self, layer):
        self._layer = layer
        self._size = (self._info.layers[layer].width, self._info.layers[layer].height)

    def draft(self, mode, size):
        """Takes the smallest layer that is at least of this size. Returns (mode, box) as Pillow's own drafts do."""
        if size is None or not self.tile:
            return None
        layers = self._info.layers
        wanted = next((k for k, layer in enumerate(layers) if layer.width >= size[0] and layer.height >= size[1]),
                      len(layers) - 1)
        self._take_layer(wanted)
        self.tile = [('compass', (0, 0) + self.size, 0, None)]
        return self.mode, (0, 0) + self.size

    def load(self):
        if not self.tile:
            return super().load()
        self.fp.seek(0)
        data = self.fp.read(self._info.layers[self._layer].end)
        try:
            pixels = compass.decode(data, layer=self._layer, dtype=numpy.uint16 if self.mode == 'I;16' else numpy.uint8,
                                    best=ImageFile.LOAD_TRUNCATED_IMAGES)
        except compass.Error as error:
            raise OSError(str(error)) from error
        height, width = pixels.shape[:2]
        if self.mode in ('L', 'LA', 'I;16'):
            pixels = pixels[:, :, 0::3]  # the first of three equal colours, and alpha
        picture = Image.fromarray(numpy.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
        if (width, height) != self.size:  # a smaller layer in the place of one that is lost
            picture = picture.resize(self.size, Image.BICUBIC)
        self.im = picture.im
        self.tile = []
        if self._exclusive_fp and self._close_exclusive_fp_after_loading:
            self.fp.close()
        self.fp = None
        return super().load()


def in_srgb(image):
    """(picture, profile): the picture in sRGB, of mode RGB, RGBA, L, LA or I;16, and the ICC profile that it had, or None.
    OSError: its profile cannot be used."""
    profile = image.info.get('icc_profile')
    image = _plain(image)
    if profile:
        alpha = image.getchannel('A') if image.mode in ('RGBA', 'LA') else None
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            opaque = image
            if image.mode == 'I;16':
                opaque = Image.fromarray(((numpy.asarray(image).astype(numpy.uint32) + 128) // 257).astype(numpy.uint8))
            elif alpha:
                opaque = image.convert('L' if image.mode == 'LA' else 'RGB')
            image = ImageCms.profileToProfile(opaque, source, ImageCms.createProfile('sRGB'), outputMode='RGB')
        except ImageCms.PyCMSError as error:
            raise OSError(f'cannot convert the picture from its colour profile: {error}; convert it first') from error
        if alpha:
            image.putalpha(alpha)
    return image, profile


def _plain(image):
    """The picture of one of the modes that are written; CMYK with a profile stays."""
    if image.mode in ('RGB', 'RGBA', 'L', 'LA', 'I;16') and 'transparency' not in image.info:
        return image
    if image.mode == 'CMYK' and image.info.get('icc_profile'):
        return image
    if image.mode.startswith('I') and isinstance(image.info.get('transparency'), int):  # 16 bits, one value of which is clear
        samples = numpy.asarray(image).astype(numpy.int64)
        grey = Image.fromarray(((samples.clip(0, 65535) + 128) // 257).astype(numpy.uint8))
        opaque = Image.fromarray(numpy.where(samples == image.info['transparency'], 0, 255).astype(numpy.uint8))
        return Image.merge('LA', (grey, opaque))
    if image.mode in ('I;16B', 'I;16L', 'I;16N'):
        return Image.fromarray(numpy.asarray(image).astype(numpy.uint16))
    if image.mode in ('I', 'F'):  # of 16-bit grey some versions of Pillow make I, whose samples have 32 bits
        samples = numpy.asarray(image)
        if image.mode == 'F' or samples.min() < 0 or samples.max() > 65535:
            raise OSError(f'the samples of mode {image.mode} are not 0 to 65535; convert the picture first')
        return Image.fromarray(samples.astype(numpy.uint16))
    grey = image.mode in ('1', 'L', 'LA', 'La')
    if image.mode in ('LA', 'PA', 'La', 'RGBa', 'RGBA') or 'transparency' in image.info:
        return image.convert('RGBA').convert('LA') if grey else image.convert('RGBA')
    return image.convert('L' if grey else 'RGB')


def _save(image, fp, filename):
    options = image.encoderinfo
    keep = bool(options.get('keep_profile') and image.info.get('icc_profile'))
    if keep and image.mode not in ('RGB', 'RGBA'):
        raise OSError(f'cannot keep the colour profile of mode {image.mode}, only of RGB and RGBA; leave out keep_profile')
    image, profile = (image, image.info['icc_profile']) if keep else in_srgb(image)
    exif = options.get('exif') or b''
    if isinstance(exif, Image.Exif):
        exif = exif.tobytes()
    if exif.startswith(b'Exif\0\0'):
        exif = exif[6:]
    try:
        fp.write(compass.encode(numpy.asarray(image), options.get('quality', 50), options.get('sizes'), options.get('effort'),
                                exif=exif, icc=profile, xmp=options.get('xmp'), own_colours=keep))
    except compass.Error as error:
        raise OSError(str(error)) from error


Image.register_open(CompassImageFile.format, CompassImageFile, _accept)
Image.register_save(CompassImageFile.format, _save)
Image.register_extension(CompassImageFile.format, '.cmps')
Image.register_mime(CompassImageFile.format, 'image/x-compass')
