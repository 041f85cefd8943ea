"""Pillow reads and writes .cmps files:

    import compass.pillow
    from PIL import Image
    picture = Image.open('photo.cmps')       # picture.info['exif'], ['xmp'], ['layers']
    picture.draft('RGB', (300, 200))         # or picture.thumbnail(...): only the layer it takes is decoded
    picture.save('copy.cmps', quality=70, sizes=[(100, 75), (400, 300)], exif=picture.info.get('exif'))

Pixels are sRGB. The colour profile that a file may carry is the original's and no longer theirs, so that it is
info['original_icc_profile'] and not info['icc_profile'].
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
        names = {'icc': 'original_icc_profile', 'exif': 'exif', 'xmp': 'xmp', 'iptc': 'iptc'}
        self.info.update({names[kind]: value for kind, value in metadata.items()})
        self.info['layers'] = [(layer.width, layer.height) for layer in self._info.layers]
        self.info['quality'] = self._info.layers[-1].quality
        self._mode = 'RGB'
        if not isinstance(getattr(Image.Image, 'mode', None), property):  # Pillow before 10.1
            self.mode = 'RGB'
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
            pixels = compass.decode(data, layer=self._layer, best=ImageFile.LOAD_TRUNCATED_IMAGES)
        except compass.Error as error:
            raise OSError(str(error)) from error
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels)
        if (width, height) != self.size:  # a smaller layer in the place of one that is lost
            picture = picture.resize(self.size, Image.BICUBIC)
        self.im = picture.im
        self.tile = []
        if self._exclusive_fp and self._close_exclusive_fp_after_loading:
            self.fp.close()
        self.fp = None
        return super().load()


def in_srgb(image):
    """(picture, profile): the picture in sRGB, of mode RGB or L, and the ICC profile that it had, or None. OSError: it
    has transparency, or its profile cannot be used."""
    profile = image.info.get('icc_profile')
    if image.mode not in ('RGB', 'L'):
        has_alpha = image.mode in ('RGBA', 'LA', 'PA') or 'transparency' in image.info
        if has_alpha:
            raise OSError(f'cannot write mode {image.mode} as COMPASS: it has transparency; put it on a background first')
        if image.mode != 'CMYK' or not profile:
            image = image.convert('L' if image.mode in ('1', 'I;16') else 'RGB')
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile('sRGB'), outputMode='RGB')
        except ImageCms.PyCMSError as error:
            raise OSError(f'cannot convert the picture from its colour profile: {error}; convert it first') from error
    return image, profile


def _save(image, fp, filename):
    options = image.encoderinfo
    image, profile = in_srgb(image)
    exif = options.get('exif') or b''
    if isinstance(exif, Image.Exif):
        exif = exif.tobytes()
    if exif.startswith(b'Exif\0\0'):
        exif = exif[6:]
    try:
        fp.write(compass.encode(numpy.asarray(image), options.get('quality', 50), options.get('sizes'), options.get('effort'),
                                exif=exif, icc=profile, xmp=options.get('xmp')))
    except compass.Error as error:
        raise OSError(str(error)) from error


Image.register_open(CompassImageFile.format, CompassImageFile, _accept)
Image.register_save(CompassImageFile.format, _save)
Image.register_extension(CompassImageFile.format, '.cmps')
Image.register_mime(CompassImageFile.format, 'image/x-compass')
